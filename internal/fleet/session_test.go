package fleet

import (
	"errors"
	"fmt"
	"testing"

	"trapline/internal/api"
)

// One walk of a target and four in all are under way at once.
func TestWalksAtOnce(t *testing.T) {
	var q sessions
	var ends []func()
	for i := range maxQuestions {
		end, err := q.begin(fmt.Sprint("t", i))
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
		if _, err := q.begin(fmt.Sprint("t", i)); !errors.Is(err, api.ErrBusy) || api.HTTPStatus(err) != 409 {
			t.Errorf("a second walk of t%d: %v", i, err)
		}
	}
	if _, err := q.begin("other"); !errors.Is(err, api.ErrBusy) {
		t.Errorf("one more than %d walks: %v", maxQuestions, err)
	}
	ends[1]()
	if _, err := q.begin("other"); err != nil {
		t.Error(err)
	}
	if _, err := q.begin("t1"); !errors.Is(err, api.ErrBusy) {
		t.Error("an end counts twice")
	}
}
