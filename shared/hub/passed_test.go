package hub

import "testing"

func TestPassedFieldsAreEachThereOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range PassedFields {
		if f.Name == "" || seen[f.Name] {
			t.Errorf("%q", f.Name)
		}
		seen[f.Name] = true
	}
}
