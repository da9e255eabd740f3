package notify

import (
	"log/slog"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/varbind"
)

// TargetLabels returns the labels that a target has in the configuration, by its name. They may change. nil means none.
type TargetLabels func(name string) map[string]string

func (l TargetLabels) of(target string) map[string]string {
	if l == nil {
		return nil
	}
	return l(target)
}

// Dependencies are the values that all receivers share.
type Dependencies struct {
	Settings *Settings
	Auths    map[string]*access.Auth
	Identity *originator.Identity
	Metrics  *outbox.Metrics
	Names    varbind.Names
	Logger   *slog.Logger
	Targets  TargetLabels
	Groups   *WebhookGroups // that go on; nil begins new ones
}
