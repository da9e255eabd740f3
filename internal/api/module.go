package api

// Module is a module of the configuration or of the built-in ones.
type Module struct {
	Name    string         `json:"name"`
	Origin  string         `json:"origin"`  // the file that defines it; empty of those that ship
	Walks   []string       `json:"walks"`   // what it asks for, by name
	Metrics []string       `json:"metrics"` // their names
	Targets int            `json:"targets"` // that have it, or for which auto chose it
	Seconds float64        `json:"seconds"` // of a poll, mean over targets
	Packets float64        `json:"packets"` // requests of a poll, likewise
	Rows    float64        `json:"rows"`    // variable bindings of a poll, likewise
	Text    string         `json:"text,omitempty"`
	Reads   []ModuleMetric `json:"reads,omitempty"` // of one module alone
}

// ModuleQuery selects modules.
type ModuleQuery struct {
	Text   string // in the name, or the profile by which auto chose it
	Limit  int    // 0: all
	Offset int
}

// ModuleMetric is a metric of a module.
type ModuleMetric struct {
	Name   string   `json:"name"`
	Object string   `json:"object"` // IF-MIB::ifDescr, or the OID
	Type   string   `json:"type"`   // of the metric, such as counter or DisplayString
	Labels []string `json:"labels"`
	Help   string   `json:"help,omitempty"`
}
