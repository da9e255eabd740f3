package notify

import (
	"log/slog"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/outbox"
	"trapline/internal/varbind"
)

// Dependencies are the values that all receivers share.
type Dependencies struct {
	Settings *Settings
	Auths    map[string]*access.Auth
	Identity *originator.Identity
	Metrics  *outbox.Metrics
	Names    varbind.Names
	Logger   *slog.Logger
	Targets  map[string]map[string]string // labels in the configuration by name of the target; may be nil
	Groups   *WebhookGroups               // that go on; nil begins new ones
}
