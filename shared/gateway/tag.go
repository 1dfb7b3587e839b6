package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/catalog"
	"github.com/qwenvoy/qwenvoy/shared/dialect/models"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A tag names the catalogue that a configuration makes for Codex, as header fields: Codex notes
// that of the catalogue, and asks for another where a response brings another one.
type tag struct {
	etag, pushed [1][2]string
	// whole: the server says nothing that stands in the catalogue, so that who knows the tag
	// knows it all.
	whole bool
}

func newTag(c *catalog.Catalog) tag {
	t := models.CatalogTag(c)
	return tag{etag: [1][2]string{{"etag", t}}, pushed: [1][2]string{{hub.ModelsTagHeader, t}}, whole: c.Main().Window > 0}
}

// isKnown tells whether the client of a request for the catalogue has it already.
func (t *tag) isKnown(r *route, head Head) bool {
	if r != codexModels || !t.whole {
		return false
	}
	for one := range strings.SplitSeq(head.Header("if-none-match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == strings.TrimPrefix(t.etag[0][1], "W/") {
			return true
		}
	}
	return false
}

// ModelsTag is the value of hub.ModelsTagHeader, for responses that are no replies of HTTP.
func (g *Gateway) ModelsTag() string { return g.tag.pushed[0][1] }
