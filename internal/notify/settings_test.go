package notify

import (
	"maps"
	"slices"
	"testing"
)

// Settings know the kinds and formats by name, and each of them can be made.
func TestAllKindsAndFormatsAreThere(t *testing.T) {
	if a, b := slices.Sorted(maps.Keys(kinds)), slices.Sorted(maps.Keys(openers)); !slices.Equal(a, b) {
		t.Errorf("the kinds are %q, and receivers of %q can be made", a, b)
	}
	if made := slices.Sorted(maps.Keys(formats)); !slices.Equal(made, fallbackNames) {
		t.Errorf("the formats are %q, and %q can be made", fallbackNames, made)
	}
}
