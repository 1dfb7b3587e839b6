// Package deploy holds what the native binary is deployed with: a systemd unit, a
// Dockerfile and an example configuration. It has no code but its tests.
package deploy
