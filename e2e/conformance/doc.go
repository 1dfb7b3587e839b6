// Package conformance checks a gateway against the Open Responses specification of 2026-04-24
// with the specification's own types: the PyPI package openresponses-types, generated from its
// OpenAPI document. The cases are those of the specification's public acceptance suite; the code
// and the prompts are our own. check.py is a program by itself:
//
//	$(e2e/python.sh conformance e2e/conformance/requirements.txt) e2e/conformance/check.py http://127.0.0.1:9000/v1 qwen3.5-instruct-general
//
// schema.py says what passes, schema_test.py proves that it refuses what it should.
//
// The Go part only runs the program; it imports nothing of this module, and tests of any room of
// e2e may import it. QWENVOY_CONFORMANCE names the Python that install.sh prints; without it the
// tests are skipped.
package conformance
