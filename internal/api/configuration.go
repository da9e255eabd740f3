package api

import "time"

// ConfigStatus is which configuration runs.
type ConfigStatus struct {
	Files    []string      `json:"files"` // those that were named, then the rule files
	Hash     string        `json:"hash"`  // the beginning of the SHA-256 over names and contents of Files
	LoadedAt time.Time     `json:"loaded_at"`
	Refused  time.Time     `json:"refused,omitzero"` // when the last reload was refused; zero if it was not
	Errors   []ConfigError `json:"errors"`           // of the refused reload
	Warnings []string      `json:"warnings"`
}

// ConfigError is an error in the configuration.
type ConfigError struct {
	File    string   `json:"file"`
	Line    int      `json:"line"`
	Text    string   `json:"text"`
	Context []string `json:"context,omitempty"` // lines around it, secrets left out
	First   int      `json:"first,omitempty"`   // line number of Context[0]
}

// ConfigFile is a file of the configuration as it was when it was loaded, each secret as <secret>.
type ConfigFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Config is the running configuration.
type Config struct {
	Status ConfigStatus `json:"status"`
	Files  []ConfigFile `json:"files,omitempty"` // as written
	Text   string       `json:"text,omitempty"`  // of the view defaults or target, in YAML
}

// The views of the configuration.
const (
	ViewWritten  = "written"
	ViewDefaults = "defaults"
	ViewTarget   = "target"
)

// ConfigQuery selects a view of the configuration.
type ConfigQuery struct {
	View   string `json:"view"`   // ViewWritten, also where it is empty, ViewDefaults or ViewTarget
	Target string `json:"target"` // of ViewTarget; it need not say View then
}

// CheckRequest is a configuration to check.
type CheckRequest struct {
	Text string `json:"text"` // a configuration; if it is empty, the files are checked
}

// ConfigCheck is the result of a check.
type ConfigCheck struct {
	OK       bool          `json:"ok"`
	Errors   []ConfigError `json:"errors"`
	Warnings []string      `json:"warnings"`
	Targets  int           `json:"targets"`
	Modules  int           `json:"modules"`
	Rules    int           `json:"rules"`
}
