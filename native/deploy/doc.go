// Package deploy holds what the native binary is deployed with: systemd units, a
// Dockerfile, samples for Docker Compose, nginx and Envoy, an example configuration, the page of
// clients, which native/clients makes of its table, and one of troubles, which native/qwenvoy
// brings about. It has no code but its tests; native/deploy/dist, a Go module of its own, makes
// what is released.
package deploy
