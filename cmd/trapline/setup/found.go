package setup

import (
	"strings"

	"trapline/internal/csvlist"
	"trapline/internal/poller"
	"trapline/internal/survey"
)

// targetOf is the entry of a device that answers.
func targetOf(s *survey.Surveyed, remark bool) written {
	t := written{Target: csvlist.Target{Address: s.Address}}
	if name := strings.TrimSpace(s.Name); name != "" && name != s.Address && usableName(name) {
		t.Name = name
	}
	if s.By != nil && s.By.Name != poller.DefaultAuth {
		t.Auth = s.By.Name
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
