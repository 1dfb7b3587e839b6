package jsonedit

// Blank is how many bytes at the start of a literal's inside are white space.
func Blank(text []byte) int { return blankPrefix(text, true) }

// LineFeeds is how many of them are line feeds and carriage returns.
func LineFeeds(text []byte) int { return blankPrefix(text, false) }

func blankPrefix(text []byte, spaces bool) int {
	for i := 0; ; {
		switch {
		case i >= len(text):
			return len(text)
		case spaces && text[i] == ' ':
			i++
		case text[i] == '\\' && i+1 < len(text) &&
			(text[i+1] == 'n' || text[i+1] == 'r' || spaces && (text[i+1] == 't' || text[i+1] == 'f')):
			i += 2
		default:
			return i
		}
	}
}
