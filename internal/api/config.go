package api

import (
	"errors"
	"io"
	"strings"
	"time"
)

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

// Configuration is what an API learns of the configuration. What is nil cannot be asked.
type Configuration struct {
	Status  func() ConfigStatus
	Written func() ([]ConfigFile, error)
	Dump    func(io.Writer) error                        // of all, with the defaults
	Target  func(name string, to io.Writer) error        // of one target, with what holds for it
	Check   func(text []byte) (ConfigCheck, error)       // of a text, or if it is nil of the files
	Reload  func() error                                 // an error means that the old one goes on
	Where   func(path ...string) (file string, line int) // of a setting; line 0 if no file has it
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

// CheckRequest is what to check.
type CheckRequest struct {
	Text string `json:"text"` // a configuration; if it is empty, the files are checked
}

// ConfigCheck is what a check has found.
type ConfigCheck struct {
	OK       bool          `json:"ok"`
	Errors   []ConfigError `json:"errors"`
	Warnings []string      `json:"warnings"`
	Targets  int           `json:"targets"`
	Modules  int           `json:"modules"`
	Rules    int           `json:"rules"`
}

// ErrRefused is returned of a reload that changed nothing. The answer's status is 422.
var ErrRefused = errors.New("refused")

// Config returns the running configuration, without secrets.
func (a *API) Config(q ConfigQuery) (Config, error) {
	source := &a.options.Configuration
	if source.Status == nil {
		return Config{}, of(ErrUnavailable, "no configuration")
	}
	c := Config{Status: source.Status()}
	if q.Target != "" && q.View == "" {
		q.View = ViewTarget
	}
	var text strings.Builder
	var err error
	switch q.View {
	case ViewWritten, "":
		c.Files, err = source.Written()
	case ViewDefaults:
		err = source.Dump(&text)
	case ViewTarget:
		if _, ok := a.options.Polls.Report(q.Target); !ok {
			return Config{}, a.noTarget(q.Target)
		}
		err = source.Target(q.Target, &text)
	default:
		err = of(ErrBadRequest, "there is no view %q: write written, defaults or target", q.View)
	}
	c.Text = text.String()
	return c, err
}

// CheckConfig reads a configuration as a reload does and changes nothing: the text, or if it is empty the files.
func (a *API) CheckConfig(text string) (ConfigCheck, error) {
	if a.options.Configuration.Check == nil {
		return ConfigCheck{}, of(ErrUnavailable, "no configuration")
	}
	if !a.checking.TryLock() {
		return ConfigCheck{}, &Hinted{of(ErrBusy, "another check is under way"), "Try again when it has ended"}
	}
	defer a.checking.Unlock()
	if strings.TrimSpace(text) == "" {
		return a.options.Configuration.Check(nil)
	}
	return a.options.Configuration.Check([]byte(text))
}

// Reload reads the configuration again. If there is an error in it, nothing changes, and the error is ErrRefused;
// what is wrong is in the status that is returned.
func (a *API) Reload() (ConfigStatus, error) {
	if a.options.Configuration.Reload == nil {
		return ConfigStatus{}, of(ErrUnavailable, "no configuration")
	}
	err := a.options.Configuration.Reload()
	if err != nil {
		err = &Hinted{of(ErrRefused, "the running configuration goes on: %v", err), "Correct the file and reload again"}
	}
	return a.options.Configuration.Status(), err
}
