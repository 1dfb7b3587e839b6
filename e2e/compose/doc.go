// Package compose runs the scenario table and real clients over containers: Envoy with
// the filter, and the binary, in front of the simulator. run.sh builds the images,
// starts them and ends them; the tests here find their ports by the project's name in
// QWENVOY_COMPOSE.
package compose
