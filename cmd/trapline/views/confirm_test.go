package views

import (
	"errors"
	"fmt"
	"testing"

	"github.com/creack/pty"
)

// Notifications are dropped once the name of the receiver was typed.
func TestDropIsConfirmedByTheName(t *testing.T) {
	const want = "what waits for nms would be dropped for good: write --yes where nobody can be asked"
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer keyboard.Close()
	defer terminal.Close()
	for typed, want := range map[string]error{"nms": nil, "nsm": errors.New("nothing was dropped"), "": errors.New("nothing was dropped")} {
		if _, err := keyboard.WriteString(typed + "\n"); err != nil {
			t.Fatal(err)
		}
		if err := confirm(terminal, "nms", false); fmt.Sprint(err) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", typed, err, want)
		}
	}
	if err := confirm(terminal, "nms", true); err == nil || err.Error() != want {
		t.Error(err)
	}
}
