package standing

import (
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/outbox/queue"
)

// A notification that another process or member has sent, and of which nothing waits, was acknowledged if its receiver does so.
func TestSentByOthers(t *testing.T) {
	for kind, want := range map[string]Progress{"inform": Acknowledged, "webhook": Acknowledged, "trap": Sent} {
		q := queue.New(&queue.Route{Name: "nms-1", About: queue.About{Type: kind}}, &alarm.Receiver{})
		at := alarm.Place{Receiver: "nms-1", Key: "a"}
		view := &alarm.View{Event: "e-1", At: time.Unix(100, 0)}
		o := &Outbox{Views: map[alarm.Place]*alarm.View{at: view}}
		known := o.knows(q, &alarm.State{In: map[string]string{"nms-1": "a"}}, &alarm.Alarm{}, false)
		if known.Progress != want || known.Event != "e-1" || !known.At.Equal(view.At) {
			t.Errorf("%s: %+v, want %s", kind, known, want)
		}
	}
}
