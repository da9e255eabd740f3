package profile

import (
	"fmt"
	"strconv"
	"strings"
)

// Origin says why a module is a candidate, such as "profile any" or "enterprise 9".
func (c *Chosen) Origin() string {
	if c.From == "" {
		return fmt.Sprintf("enterprise %d", c.Enterprise)
	}
	return "profile " + c.From
}

// Reasons says how the choice was made: what the device is, and a line for each profile that it is of.
func (c *Choice) Reasons() []string {
	first := "it has no sysObjectID"
	if len(c.SysObjectID) > 0 {
		first = "its sysObjectID is " + c.SysObjectID.String()
	}
	for i, e := range c.Enterprises {
		first += []string{", and it has objects of enterprise ", ", "}[min(i, 1)] + strconv.FormatUint(uint64(e), 10)
	}
	lines := []string{first}
	if c.More {
		lines = append(lines, c.Limit())
	}
	if len(c.Profiles) == 0 {
		lines = append(lines, "no profile but "+Default+" is for it")
	}
	for _, m := range c.Profiles {
		lines = append(lines, "profile "+m.Profile+": "+m.conditions())
	}
	if len(c.Without) > 0 {
		lines = append(lines, "left out by its profiles: "+strings.Join(c.Without, ", "))
	}
	return lines
}

// Limit says that not all enterprises of the device were searched for; it is empty if they were.
func (c *Choice) Limit() string {
	if !c.More {
		return ""
	}
	return fmt.Sprintf("it may have objects of more enterprises: the search ends after %d, so name their modules in a profile with its sysObjectID", maxEnterprises)
}

// conditions lists those that hold for the device.
func (m *Match) conditions() string {
	var list []string
	if m.Prefix != nil {
		list = append(list, "sysObjectID begins with "+m.Prefix.String())
	}
	if m.SysDescr != "" {
		list = append(list, fmt.Sprintf("sysDescr matches %q", m.SysDescr))
	}
	for _, probe := range m.Probe {
		list = append(list, "it has "+probe.String())
	}
	return strings.Join(list, ", ")
}
