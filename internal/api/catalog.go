package api

// Module is a module of the configuration or of the built-in ones.
type Module struct {
	Name    string   `json:"name"`
	Walks   []string `json:"walks"`
	Metrics []string `json:"metrics"`
	Targets int      `json:"targets"`
	Seconds float64  `json:"seconds"` // of a poll, mean over targets
	Text    string   `json:"text,omitempty"`
}

// Object is an object of a MIB.
type Object struct {
	Name        string            `json:"name"` // IF-MIB::ifDescr
	OID         string            `json:"oid"`
	Kind        string            `json:"kind"` // scalar, table, row, column, notification, node
	Type        string            `json:"type,omitempty"`
	Hint        string            `json:"hint,omitempty"`
	Units       string            `json:"units,omitempty"`
	Enum        map[string]int64  `json:"enum,omitempty"`
	Index       []string          `json:"index,omitempty"`
	Objects     []string          `json:"objects,omitempty"`
	Description string            `json:"description,omitempty"`
	ReadBy      []string          `json:"read_by,omitempty"` // modules
	Children    []ObjectReference `json:"children,omitempty"`
}

// ObjectReference names an object.
type ObjectReference struct {
	Name string `json:"name"`
	OID  string `json:"oid"`
}
