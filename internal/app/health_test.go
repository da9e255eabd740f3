package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHealthIsTheSumOfItsChecks(t *testing.T) {
	var h health
	var alarms, polls error
	h.add("alarms", func() error { return alarms })
	h.add("polling", func() error { return polls })
	for _, test := range []struct {
		alarms, polls error
		code          int
		text          string
	}{
		{nil, nil, http.StatusOK, "Ready"},
		{errors.New("no space left"), nil, http.StatusServiceUnavailable, "alarms: no space left\n"},
		{errors.New("no space left"), errors.New("it stands still"), http.StatusServiceUnavailable, "alarms: no space left\npolling: it stands still\n"},
		{nil, nil, http.StatusOK, "Ready"},
	} {
		alarms, polls = test.alarms, test.polls
		w := httptest.NewRecorder()
		h.answer("Ready").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/ready", nil))
		if w.Code != test.code || w.Body.String() != test.text {
			t.Errorf("%v, %v: %d %q", test.alarms, test.polls, w.Code, w.Body)
		}
	}
}
