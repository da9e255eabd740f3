package result

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
)

// ParseTime parses seconds since 1970, or RFC 3339.
func ParseTime(text string, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > -1<<40 && seconds < 1<<40 {
		return time.UnixMilli(int64(seconds * 1000)), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time: write seconds since 1970, or as in 2026-01-31T12:00:00Z", text)
	}
	return t, nil
}

// ParseStep parses seconds, or a duration as in expressions.
func ParseStep(text string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0.001 && seconds < 1<<30 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("step %q is no duration above 0: write seconds, or as in 1m", text)
	}
	return time.Duration(d), nil
}
