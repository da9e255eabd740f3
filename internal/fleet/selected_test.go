package fleet

import (
	"errors"
	"testing"

	"trapline/internal/api"
)

// A value of up that no target has is an error: an empty list would end all scrapes.
func TestUpIsZeroOrOne(t *testing.T) {
	for _, value := range []string{"", "true", "2", "1 "} {
		if list, err := new(Fleet).Devices(map[string][]string{"up": {value}}); !errors.Is(err, api.ErrBadRequest) {
			t.Errorf("%q: %v, %v", value, list, err)
		}
	}
}
