package cli

import "testing"

// A count takes whole numbers alone.
func TestCounts(t *testing.T) {
	for text, good := range map[string]bool{
		"0": false, "1": true, "250": true, "-1": false, "": false, "NaN": false, "Inf": false, "1e30": false, "2.5": false, "99999999999999999999": false,
	} {
		c := count{new(int), 1}
		if err := c.Set(text); (err == nil) != good || (err != nil && *c.value != 0) {
			t.Errorf("%q: %d, %v", text, *c.value, err)
		}
	}
}
