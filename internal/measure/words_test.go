package measure

import "testing"

// What is probably a typing error has the word that was meant.
func TestWordsThatWereMeant(t *testing.T) {
	temperature := MetricNamed("hw_temperature")
	for text, want := range map[string]string{
		"0.1Cel": "did you mean 0.1 Cel?", "0.1cel": "did you mean 0.1 Cel?", "1/128Cel": "did you mean 1/128 Cel?", "0.1 Cell": "did you mean 0.1 Cel?",
		"banana": "write a unit of Cel, K, [degF], mCel", "7": "write a unit of Cel, K, [degF], mCel",
	} {
		if have := temperature.unitInstead(text); have != want {
			t.Errorf("%s: %s, want %s", text, have, want)
		}
	}
	for name, want := range map[string]string{
		"hw_temp": `unknown metric "hw_temp": did you mean hw_temperature?`, "hw_statsu": `unknown metric "hw_statsu": did you mean hw_status?`,
		"weather": `unknown metric "weather": docs/reference/measures.md lists them`,
	} {
		if have := unknownMetric(name); have != want {
			t.Errorf("%s: %s, want %s", name, have, want)
		}
	}
	for typ, warned := range map[string]bool{"fans": true, "power_suply": true, "fan": false, "turbine": false, "": false} {
		s := Settings{Type: TypeOf{"": {"": typ}}}
		if found := s.unusualTypes(); (len(found) > 0) != warned {
			t.Errorf("type %q: %v, warned %v", typ, found, warned)
		}
	}
}
