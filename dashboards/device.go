package dashboards

// Device returns the dashboard of one device: availability, interfaces, health, and everything
// else.
func Device() Dashboard {
	d := newDashboard(deviceUID, "Trapline / Device", "One device: alarms, interfaces, health and further tables.")
	choice := func(name, label, of string) variable {
		return labelValues(name, label, "label_values(ifOperStatus"+device+", "+of+")").withAll()
	}
	d.Templating.List = append(d.Templating.List, scopeVariables()...)
	d.Templating.List = append(d.Templating.List,
		labelValues("device", "Device", "label_values("+with(anyDevice, `$label=~"$value"`)+", $by)"),
		choice("interface", "Interface", "ifName"), choice("alias", "Alias", "ifAlias"))
	d.Annotations.List = []annotation{alarmEvents(firingOf()), {
		Name: "Restart", Title: "Restart", Datasource: prometheus, Enable: true, IconColor: "orange", Step: pollInterval,
		Expr: uptime(device) + " < 120",
	}}
	d.Panels = layout(
		group{title: "$device", panels: deviceNumbers()},
		group{title: "Interfaces", panels: append(deviceTraffic(), interfaceTable())},
		group{title: "Health", panels: deviceHealth()},
		group{title: "Environment", collapsed: true, panels: deviceEnvironment()},
		group{title: "Power and batteries", collapsed: true, panels: devicePower()},
		group{title: "Optics", collapsed: true, panels: deviceOptics()},
		group{title: "Radio", collapsed: true, panels: deviceRadio()},
		group{title: "Memory, filesystems, processes", collapsed: true, panels: deviceHost()},
		group{title: "Sessions, cluster, licenses", collapsed: true, panels: deviceSessions()},
		group{title: "Power over Ethernet", collapsed: true, panels: devicePoE()},
		group{title: "Routing: BGP and OSPF", collapsed: true, panels: deviceRouting()},
		group{title: "Printer", collapsed: true, panels: devicePrinter()},
		group{title: "Inventory", collapsed: true, panels: deviceInventory()},
		group{title: "Neighbors", collapsed: true, panels: []Panel{neighborTable()}},
	)
	return d
}

func deviceNumbers() []Panel {
	describe := func(object string) string { return by("max", object, object+device) }
	return []Panel{
		stat("Status", "Did the device answer the last poll?", "none", "max("+status(device)+")").
			words(upDown).colors("red", above{1, "green"}).option("colorMode", "background").size(3, 4),
		stat("Uptime", "Time since the device, or at least its SNMP agent, started.", "dtdurations", "max("+uptime(device)+")").
			colors("orange", above{86400, "green"}).noValue("not read").size(3, 4),
		stat("Interfaces up", "Interfaces that are up.", "none", orZero("count("+ports("ifOperStatus"+device+" == 1")+")")).colors("green").size(3, 4),
		stat("Interfaces down", "Interfaces that should be up and are not.", "none", orZero("count("+ports(down(device))+")")).
			colors("green", above{1, "orange"}).size(3, 4),
		stat("Received", "Traffic that all interfaces receive.", "bps", orZero("sum("+ports(octets("In", device))+")")).size(3, 4),
		stat("Sent", "Traffic that all interfaces send.", "bps", orZero("sum("+ports(octets("Out", device))+")")).size(3, 4),
		stat("Age of data", "Time since the last answer.", "s", "min("+age(device)+")").
			colors("green", above{180, "orange"}, above{600, "red"}).size(3, 4),
		stat("Poll", "Time that the last poll took.", "s", "max("+duration(device)+")").size(3, 4),
		table("Device", "The identity of the device.",
			column{title: "Name", label: "sysName"}, column{expr: describe("sysName")},
			column{title: "Description", label: "sysDescr"}, column{expr: describe("sysDescr")},
			column{title: "Location", label: "sysLocation"}, column{expr: describe("sysLocation")},
		).noValue("Module system is not read").size(12, 5),
		table("Alarms", "Alarms of the device that are raised.",
			column{title: "Severity", label: "severity", properties: []property{{"custom.width", 110}}},
			column{title: "Alarm", label: "alertname"},
			column{title: "Interface", label: "ifName"},
			column{title: "Alias", label: "ifAlias"},
			column{title: "Count", expr: by("count", "severity, alertname, ifName, ifAlias", firingOf())},
		).noValue("No alarms").size(12, 5),
	}
}

func deviceTraffic() []Panel {
	// A chassis has more interfaces than a graph can show.
	busiest := func(expr string) string { return topk(20, ports(expr)) }
	return []Panel{
		timeseries("Traffic", "Traffic of the twenty busiest interfaces at each moment, received above and sent below.", "bps",
			over(busiest(octets("In", interfaces)), "{{ifName}} {{ifAlias}} in"),
			over("-("+busiest(octets("Out", interfaces))+")", "{{ifName}} {{ifAlias}} out")).size(gridWidth, 10),
		timeseries("Utilization", "Share of the speed that is in use, of the twenty busiest interfaces and directions.", "percentunit",
			over(topk(20, both(ports(use("In", interfaces)), ports(use("Out", interfaces)))), "{{ifName}} {{ifAlias}} {{direction}}")).upTo(1),
		timeseries("Errors and discards", "Packets lost in both directions, of the twenty interfaces that lose most.", "pps",
			over(busiest(faults(interfaces)), "{{ifName}} {{ifAlias}}")),
	}
}

func interfaceTable() Panel {
	up, missing, odd := mapped{Text: "up", Color: "green"}, mapped{Text: "down", Color: "red"}, "orange"
	admin := states(1, up, mapped{Text: "down", Color: "text"}, mapped{Text: "testing", Color: odd})
	oper := states(1, up, missing, mapped{Text: "testing", Color: odd}, mapped{Text: "unknown", Color: odd},
		mapped{Text: "dormant", Color: odd}, mapped{Text: "not present", Color: "text"}, mapped{Text: "lower layer down", Color: odd})
	each := func(expr string) string { return by("max", "ifIndex, ifName, ifAlias", expr) }
	return table("Interfaces", "The state of each interface that is chosen above.",
		column{title: "Index", label: "ifIndex", properties: []property{{"custom.width", 80}}},
		column{title: "Interface", label: "ifName"},
		column{title: "Alias", label: "ifAlias"},
		column{title: "Admin", expr: each("ifAdminStatus" + interfaces), properties: []property{wordsIn(admin)}},
		column{title: "State", expr: each("ifOperStatus" + interfaces), properties: []property{wordsIn(oper), colored}},
		column{title: "Speed", unit: "bps", expr: each(speed(interfaces))},
		column{title: "In", unit: "bps", expr: each(octets("In", interfaces))},
		column{title: "Out", unit: "bps", expr: each(octets("Out", interfaces))},
		column{title: "Use", unit: "percentunit", expr: "max by (ifIndex, ifName, ifAlias) (" + both(use("In", interfaces), use("Out", interfaces)) + ")"},
		column{title: "Errors and discards", unit: "pps", expr: each(faults(interfaces))},
		column{title: "Unchanged for", unit: "s", expr: "clamp_min(scalar(max(sysUpTime" + device + "))\n  - " +
			each("ifLastChange"+interfaces) + ", 0) / 100"},
	)
}
