package discovery

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/poller"
)

// keys set the keys of targets that a label may stand for, beside those that have one of Prometheus'.
var keys = map[string]func(t *poller.TargetSettings, text string) error{
	"context":           func(t *poller.TargetSettings, text string) error { t.Context = text; return nil },
	"context_engine_id": func(t *poller.TargetSettings, text string) error { t.ContextEngineID = text; return nil },
	"source_address":    func(t *poller.TargetSettings, text string) error { t.SourceAddress = text; return nil },
	"source_interface":  func(t *poller.TargetSettings, text string) error { t.SourceInterface = text; return nil },
	"engine":            func(t *poller.TargetSettings, text string) error { t.Engine = text; return nil },
	"parents": func(t *poller.TargetSettings, text string) error {
		t.Parents = strings.Split(text, ",")
		return nil
	},
	"timeout": func(t *poller.TargetSettings, text string) (err error) {
		t.Timeout.Duration, err = time.ParseDuration(text)
		return err
	},
	"retries": func(t *poller.TargetSettings, text string) error {
		n, err := strconv.Atoi(text)
		t.Retries = &n
		return err
	},
	"max_repetitions": func(t *poller.TargetSettings, text string) error {
		n, err := strconv.ParseUint(text, 10, 32)
		t.MaxRepetitions = new(uint32(n))
		return err
	},
	"max_window": func(t *poller.TargetSettings, text string) (err error) {
		t.MaxWindow, err = strconv.Atoi(text)
		return err
	},
	"max_rows": func(t *poller.TargetSettings, text string) (err error) {
		t.MaxRows, err = strconv.Atoi(text)
		return err
	},
}

// setKeys sets the keys of a target that labels stand for.
func setKeys(t *poller.TargetSettings, l labels.Labels) error {
	for key, set := range keys {
		if text := l.Get(keyLabel(key)); text != "" {
			if err := set(t, text); err != nil {
				return fmt.Errorf("%s %q: %w", key, text, err)
			}
		}
	}
	return nil
}
