package page

import (
	"mime"
	"strconv"
	"strings"
)

// Preferred tells whether an Accept field would rather have HTML than JSON, as browsers' say.
func Preferred(accept string) bool {
	return quality(accept, "text", "html") > quality(accept, "application", "json")
}

// quality is how much a type is wanted, 0 to 1: the most specific range that it is in counts.
func quality(accept, kind, sub string) float64 {
	best, rank := 0.0, -1
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		specific := 0
		switch media {
		case kind + "/" + sub:
			specific = 2
		case kind + "/*":
			specific = 1
		case "*/*":
		default:
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				q = 0
			}
		}
		if specific > rank || specific == rank && q > best {
			best, rank = q, specific
		}
	}
	return best
}
