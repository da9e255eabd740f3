package alerting

import (
	"errors"
	"io/fs"
	"testing"

	"trapline/internal/access"
	"trapline/internal/originator"
	"trapline/internal/outbox/queue"
	"trapline/internal/outbox/standing"
)

func TestLadderOfWebhookCredentials(t *testing.T) {
	for want, err := range map[string]error{
		"credentials can be read": &fs.PathError{Op: "open", Path: "token", Err: fs.ErrNotExist},
		"accepts":                 errors.New("the receiver answers 401 Unauthorized"),
	} {
		s := &standing.ReceiverState{Failing: true, Err: &originator.Error{Reason: access.Credentials, Err: err}, About: queue.About{Type: "webhook"}}
		failed := false
		for _, step := range receiverLadder(s) {
			state := "ok"
			if failed {
				state = "unknown"
			}
			if step.Name == want {
				state, failed = "failed", true
			}
			if step.State != state {
				t.Errorf("%v: step %q is %s, want %s", err, step.Name, step.State, state)
			}
		}
	}
}
