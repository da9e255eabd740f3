package fleet

import (
	"errors"
	"slices"
	"testing"

	"trapline/internal/api"
	"trapline/internal/poller"
)

// A value of up that no target has is an error: an empty list would end all scrapes.
func TestUpIsZeroOrOne(t *testing.T) {
	for _, value := range []string{"", "true", "2", "1 "} {
		if list, err := new(Fleet).Devices(map[string][]string{"up": {value}}); !errors.Is(err, api.ErrBadRequest) {
			t.Errorf("%q: %v, %v", value, list, err)
		}
	}
}

// The conditions that are about no label are those that have another value than a label of that name.
func TestKeysOfSelections(t *testing.T) {
	labels := map[string]string{}
	for _, key := range append(slices.Clone(keys), "site") {
		labels[key] = "of a label"
	}
	u := poller.Unpolled(&poller.Target{Name: "sw-1", Labels: labels})
	for key := range labels {
		if own := !slices.Contains(valuesOf(u, key), "of a label"); own != slices.Contains(keys, key) {
			t.Errorf("%s: is of no label: %t", key, own)
		}
	}
}
