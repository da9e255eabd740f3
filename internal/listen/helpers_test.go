package listen

import (
	"testing"
	"time"

	"trapline/internal/setting"
)

func expires(t testing.TB, text string) setting.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return setting.Duration{Duration: d}
}
