package rules

import "testing"

const hot = `{alert: Hot, expr: temperature > 40, labels: {severity: major}}`

func TestOneRaiseAndOneClear(t *testing.T) {
	r := start(t, hot)
	r.poll(`temperature{i="1"} 39`, `temperature{i="2"} 39`)
	r.want("cool", "")
	r.poll(`temperature{i="1"} 41`, `temperature{i="2"} 39`)
	r.want("hot", "raise Hot i=1")
	r.poll(`temperature{i="1"} 50`, `temperature{i="2"} 39`)
	r.want("hotter", "")
	r.poll(`temperature{i="1"} 40`, `temperature{i="2"} 39`)
	r.want("cool again", "clear Hot i=1")
	r.poll(`temperature{i="1"} 39`, `temperature{i="2"} 39`)
	r.want("cooler", "")
	r.poll(`temperature{i="1"} 41`, `temperature{i="2"} 41`)
	if got := r.take(); got != "raise Hot i=1, raise Hot i=2" && got != "raise Hot i=2, raise Hot i=1" {
		t.Errorf("both hot: %q", got)
	}
}
