package runtimeconfig

import (
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"trapline"
	"trapline/internal/rules"
)

// Warn logs the doubtful parts of the configuration. A rule without data is logged once, unless reported is nil; those
// that ship with the program are counted.
func (w *Config) Warn(logger *slog.Logger, reported map[string]bool) {
	for _, text := range w.Config.Warnings {
		logger.Warn("doubtful configuration", "text", text)
	}
	for _, text := range w.Config.Notifications.Warnings() {
		logger.Warn("doubtful configuration", "text", text)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Catalog.Modules)) {
		for _, text := range w.Catalog.Modules[name].Warnings {
			logger.Warn("doubtful configuration", "text", text)
		}
	}
	misspelled, err := w.misspelledLabels()
	if err != nil {
		logger.Error("labels of receivers cannot be checked", "err", err)
	}
	for _, text := range misspelled {
		logger.Warn("doubtful configuration", "text", text)
	}
	findings, err := w.Findings()
	if err != nil {
		logger.Error("the rules cannot be checked", "err", err)
	}
	shipped := map[*rules.Rule]bool{}
	for _, f := range findings {
		switch text := f.String(); {
		case f.Level == rules.LevelError:
			logger.Error("error in a rule", "text", text)
		case f.NoData && isShipped(f.Rule):
			shipped[f.Rule] = true
		case f.Level == rules.LevelWarning && !(f.NoData && reported[text]):
			logger.Warn("doubtful configuration", "text", text)
			if reported != nil {
				reported[text] = true
			}
		}
	}
	if len(shipped) > 0 {
		logger.Info("shipped rules without data: no target's modules yield what they look at", "rules", len(shipped))
	}
}

// shippedRules are the rules that ship with the program, by name and expression.
var shippedRules = sync.OnceValue(func() map[[2]string]bool {
	known := map[[2]string]bool{}
	_ = fs.WalkDir(trapline.Rules, "rules", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := trapline.Rules.ReadFile(name)
		groups, _, _ := rules.Parse(name, text)
		for _, g := range groups {
			for _, r := range g.Rules {
				known[[2]string{r.Name(), r.Text}] = true
			}
		}
		return err
	})
	return known
})

func isShipped(r *rules.Rule) bool { return shippedRules()[[2]string{r.Name(), r.Text}] }
