// Command dist makes what is released of one commit: archives, Linux packages, OCI images,
// the module for Envoy, bills of materials and checksums. `make dist` runs it.
//
//	main.go      what is made, in which order, and the checksums
//	source.go    the repository: programs that Go builds from it, the modules linked into them
//	archive.go   files in tar, gzip and zip
//	bom.go       bills of materials (CycloneDX)
//	notices.go   the licences of linked modules
//	package.go   deb and rpm
//	image.go     OCI images of the binary and of the module
//
// Everything follows from the commit and Go's version alone, so that two runs give the same
// bytes and anybody can check a release: times are the commit's, owners are root, nothing is
// read from the machine. Nothing is fetched but Go modules.
//
// It is a Go module of its own to keep the formats' libraries out of the main one.
package main
