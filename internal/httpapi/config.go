package httpapi

import (
	"io"
	"strings"

	"trapline/internal/api"
)

// Configuration holds the functions by which an API reads and reloads the configuration. Any may be nil.
type Configuration struct {
	Status  func() api.ConfigStatus
	Written func() ([]api.ConfigFile, error)
	Dump    func(io.Writer) error                        // of all, with the defaults
	Target  func(name string, to io.Writer) error        // of one target, with its defaults
	Check   func(text []byte) (api.ConfigCheck, error)   // of a text, or if it is nil of the files
	Reload  func() error                                 // an error means that the old one goes on
	Where   func(path ...string) (file string, line int) // of a setting; line 0 if no file has it
}

// Config returns the running configuration, without secrets.
func (a *API) Config(q api.ConfigQuery) (api.Config, error) {
	source := &a.options.Configuration
	if source.Status == nil {
		return api.Config{}, api.Errorf(api.ErrUnavailable, "no configuration")
	}
	c := api.Config{Status: source.Status()}
	if q.Target != "" && q.View == "" {
		q.View = api.ViewTarget
	}
	var text strings.Builder
	var err error
	switch q.View {
	case api.ViewWritten, "":
		c.Files, err = source.Written()
	case api.ViewDefaults:
		err = source.Dump(&text)
	case api.ViewTarget:
		if !a.Fleet.HasTarget(q.Target) {
			return api.Config{}, a.Fleet.NoTarget(q.Target)
		}
		err = source.Target(q.Target, &text)
	default:
		err = api.Errorf(api.ErrBadRequest, "there is no view %q: write written, defaults or target", q.View)
	}
	c.Text = text.String()
	return c, err
}

// CheckConfig reads a configuration as a reload does and changes nothing: the text, or if it is empty the files.
func (a *API) CheckConfig(text string) (api.ConfigCheck, error) {
	if a.options.Configuration.Check == nil {
		return api.ConfigCheck{}, api.Errorf(api.ErrUnavailable, "no configuration")
	}
	if !a.checking.TryLock() {
		return api.ConfigCheck{}, api.WithHint(api.Errorf(api.ErrBusy, "another check is under way"), "Try again when it has ended")
	}
	defer a.checking.Unlock()
	if strings.TrimSpace(text) == "" {
		return a.options.Configuration.Check(nil)
	}
	return a.options.Configuration.Check([]byte(text))
}

// Reload reads the configuration again. If there is an error in it, nothing changes, and the error is ErrRefused;
// the status that is returned has the errors.
func (a *API) Reload() (api.ConfigStatus, error) {
	if a.options.Configuration.Reload == nil {
		return api.ConfigStatus{}, api.Errorf(api.ErrUnavailable, "no configuration")
	}
	err := a.options.Configuration.Reload()
	if err != nil {
		err = api.WithHint(api.Errorf(api.ErrRefused, "the running configuration goes on: %v", err), "Correct the file and reload again")
	}
	return a.options.Configuration.Status(), err
}
