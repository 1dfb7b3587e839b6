// Package deploy holds what the native binary is deployed with: a systemd unit, a
// Dockerfile, samples for Docker Compose and nginx, and an example configuration. It has no
// code but its tests; native/deploy/dist, a Go module of its own, makes what is released.
package deploy
