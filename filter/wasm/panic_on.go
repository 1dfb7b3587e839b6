//go:build wasip1 && qwenvoy_panic

package main

var panicAt string

// faultPoint lets tests see what becomes of a fault of our own: this build, and only
// this one, panics at the point that the request's x-panic field names.
func faultPoint(point string, head fields) {
	if head != nil {
		panicAt = head.get("x-panic")
	}
	if panicAt == point {
		var none []int
		_ = none[len(point)]
	}
}
