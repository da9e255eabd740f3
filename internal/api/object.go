package api

// Object is an object of a MIB, or a MIB.
type Object struct {
	Name        string            `json:"name"` // IF-MIB::ifDescr
	OID         string            `json:"oid"`
	Kind        string            `json:"kind"` // scalar, table, row, column, notification, node; of a MIB module identity, or module without one
	Type        string            `json:"type,omitempty"`
	Convention  string            `json:"convention,omitempty"` // the textual convention
	Hint        string            `json:"hint,omitempty"`
	Units       string            `json:"units,omitempty"`
	Access      string            `json:"access,omitempty"`
	Status      string            `json:"status,omitempty"`
	Enum        map[string]int64  `json:"enum,omitempty"`
	Index       []string          `json:"index,omitempty"`        // of a row or a column
	Objects     []string          `json:"objects,omitempty"`      // of a notification
	LastUpdated string            `json:"last_updated,omitempty"` // of a MIB, 2000-06-14
	Description string            `json:"description,omitempty"`
	ReadBy      []string          `json:"read_by,omitempty"`  // modules
	Parents     []ObjectReference `json:"parents,omitempty"`  // from the root down
	Children    []ObjectReference `json:"children,omitempty"` // at most 1000
}

// ObjectReference names an object.
type ObjectReference struct {
	Name        string `json:"name"`
	OID         string `json:"oid"`
	Kind        string `json:"kind,omitempty"`
	Help        string `json:"help,omitempty"`         // the first sentence of its description, else its type
	LastUpdated string `json:"last_updated,omitempty"` // of a MIB, 2000-06-14
}

// ObjectQuery selects objects.
type ObjectQuery struct {
	Text  string // words in name, OID and description; empty lists the MIBs
	Limit int    // 0 means 100
}

// ObjectList is the result of a query.
type ObjectList struct {
	Objects []ObjectReference `json:"objects"`
	Matched int               `json:"matched"`
}
