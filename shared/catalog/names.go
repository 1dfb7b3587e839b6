package catalog

// Aliases are the other names that stand for a model: exact ones, then patterns, of which the
// more specific goes first.
func (c *Catalog) Aliases(m *Model) (names []string) {
	for _, name := range c.listed {
		if name != m.Name && c.exact[name] == m {
			names = append(names, name)
		}
	}
	for _, p := range c.patterns {
		if p.model == m {
			names = append(names, p.text)
		}
	}
	return names
}
