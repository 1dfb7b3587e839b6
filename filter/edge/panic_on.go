//go:build qwenvoy_panic

package edge

// faultPoints let tests see what becomes of a fault of our own: this build, and only
// this one, panics at the point that the request's x-panic field names.
type faultPoints struct{ at string }

func (f *faultPoints) reach(point string, head Fields) {
	if head != nil {
		f.at = head.Get("x-panic")
	}
	if f.at == point {
		var none []int
		_ = none[len(point)]
	}
}
