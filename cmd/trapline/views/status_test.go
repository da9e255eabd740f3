package views

import "testing"

func TestOneNotificationWaits(t *testing.T) {
	for n, want := range map[int]string{0: "3", 1: "3: 1 notification waits", 1200: "3: 1,200 notifications wait"} {
		if got := listed("3", waitingFormat(n), n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
