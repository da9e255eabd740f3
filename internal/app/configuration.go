package app

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"trapline/config"
	"trapline/config/document"
	"trapline/internal/api"
	"trapline/internal/catalog"
	"trapline/internal/httpapi"
	"trapline/internal/rules"
	"trapline/internal/runtimeconfig"
	"trapline/internal/setting"
)

// refusal is a configuration that was not taken.
type refusal struct {
	at     time.Time
	errors []api.ConfigError
}

// configuration returns the API's view of the configuration.
func (r *reloader) configuration() httpapi.Configuration {
	return httpapi.Configuration{
		Status:  r.status,
		Written: r.written,
		Dump:    func(w io.Writer) error { return r.current.Load().Config.Dump(w) },
		Target: func(name string, w io.Writer) error {
			if one := r.current.Load().Config.OfTarget(name); one != nil {
				return one.Dump(w)
			}
			return fmt.Errorf("target %q: %w", name, api.ErrNotFound)
		},
		Check:  r.check,
		Reload: r.reload,
		Where:  func(path ...string) (string, int) { return r.current.Load().Config.Where(path...) },
	}
}

// status is that of the running configuration and of the last reload.
func (r *reloader) status() api.ConfigStatus {
	w := r.current.Load()
	s := api.ConfigStatus{Hash: w.Hash(), LoadedAt: w.LoadedAt, Files: []string{}, Warnings: r.warnings(w.Config), Errors: []api.ConfigError{}}
	for _, f := range w.Config.Files {
		s.Files = append(s.Files, f.Name)
	}
	if refused := r.refused.Load(); refused != nil {
		s.Refused, s.Errors = refused.at, refused.errors
	}
	return s
}

func (r *reloader) written() (files []api.ConfigFile, err error) {
	c := r.current.Load().Config
	for i := range c.Files {
		text, err := c.Written(&c.Files[i])
		if err != nil {
			return nil, err
		}
		files = append(files, api.ConfigFile{Name: c.Files[i].Name, Text: text})
	}
	return files, nil
}

// check reads a configuration as a reload does: a text, or the files.
func (r *reloader) check(text []byte) (api.ConfigCheck, error) {
	running := r.current.Load().Config
	load := r.load
	var lines map[string][]string
	if text != nil {
		load = func() (*runtimeconfig.Config, error) { return r.loadText(text, running) }
		lines = map[string][]string{running.Files[0].Name: maskedLines(text)}
	}
	w, err := load()
	if err != nil {
		return api.ConfigCheck{Errors: configErrors(err, lines), Warnings: []string{}}, nil
	}
	c := api.ConfigCheck{Warnings: r.warnings(w.Config), Errors: []api.ConfigError{}, Targets: len(w.Targets), Modules: len(w.Config.Modules), Rules: len(w.Config.Rules.Rules())}
	findings, err := w.Findings()
	if err != nil {
		return c, err
	}
	for _, f := range findings {
		switch f.Level {
		case rules.LevelError:
			c.Errors = append(c.Errors, api.ConfigError{Text: f.String()})
		case rules.LevelWarning:
			c.Warnings = append(c.Warnings, f.String())
		}
	}
	c.OK = len(c.Errors) == 0
	return c, nil
}

// contextLines is how many lines are shown before and behind one with an error.
const contextLines = 2

// maxShown is how many errors are kept of one configuration.
const maxShown = 100

// configErrors are the errors in a configuration, with the lines around each: those that are known of a file, else
// those that it has.
func configErrors(err error, known map[string][]string) []api.ConfigError {
	var found document.Problems
	if !errors.As(err, &found) {
		return []api.ConfigError{{Text: err.Error()}}
	}
	list := []api.ConfigError{}
	files := maps.Clone(known)
	for _, m := range found[:min(len(found), maxShown)] {
		e := api.ConfigError{File: m.File, Line: m.Line, Text: m.Text}
		lines, read := files[m.File]
		if !read && known == nil && m.Line > 0 {
			raw, _ := setting.ReadFile(m.File, setting.MaxFile) // without it there is no context
			lines = maskedLines(raw)
			files = map[string][]string{m.File: lines} // problems are sorted by file
		}
		if m.Line > 0 && m.Line <= len(lines) {
			e.First = max(1, m.Line-contextLines)
			e.Context = slices.Clone(lines[e.First-1 : min(len(lines), m.Line+contextLines)])
		}
		list = append(list, e)
	}
	return list
}

func maskedLines(text []byte) []string {
	return strings.Split(strings.TrimRight(config.Masked(string(text)), "\r\n"), "\n")
}

// modules are those that targets may have: those of the files, those of profiles, and those that ship.
func (r *reloader) modules() (map[string]catalog.KnownModule, error) {
	w := r.current.Load()
	all := map[string]catalog.KnownModule{}
	if w.Catalog.Shipped != nil {
		for name, s := range config.ShippedModules() {
			all[name] = catalog.Compiled(s, "")
		}
	}
	book, err := w.Config.Book()
	if err != nil {
		return nil, err
	}
	for name, m := range book.Modules() {
		all[name] = catalog.KnownModule{Settings: m.Settings, Of: m}
	}
	for name, s := range w.Config.Compiled {
		all[name] = catalog.Compiled(s, w.Config.ModuleFiles[name])
	}
	return all, nil
}
