package known

import "encoding/json"

// Look is what baseline rules have seen of a target, as it is stored.
type Look struct {
	Rules   []string          `json:"rules,omitempty"`   // UIDs of the rules that were evaluated for it
	Known   map[string][]byte `json:"known,omitempty"`   // Rows, by the expression that found them
	Address string            `json:"address,omitempty"` // by which a target is found that has another name
}

// ReadLook reads a stored look. It may be the list of its rules alone, of earlier versions.
func ReadLook(text []byte) (l Look, err error) {
	if json.Unmarshal(text, &l.Rules) != nil {
		err = json.Unmarshal(text, &l)
	}
	return l, err
}
