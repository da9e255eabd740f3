package setup

import (
	"strings"

	"trapline/internal/poller"
	"trapline/internal/survey"
)

// targetOf is the entry of a device that answers.
func targetOf(s *survey.Surveyed, remark bool) written {
	t := written{address: s.Address}
	if name := strings.TrimSpace(s.Name); name != "" && name != s.Address && usableName(name) {
		t.name = name
	}
	if s.By != nil && s.By.Name != poller.DefaultAuth {
		t.auth = s.By.Name
	}
	if remark {
		t.remark = oneLine(s.Descr)
	}
	return t
}

func usableName(name string) bool {
	s := poller.TargetSettings{Name: name, Address: "localhost"}
	return len(s.Problems()) == 0 && oneLine(name) == name
}
