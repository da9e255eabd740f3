package dashboards

// Fleet is about all targets: what fails, what is slow, what is busy.
func Fleet() Dashboard {
	d := newDashboard("trapline-fleet", "Trapline / Fleet", "All targets of Trapline: what does not answer, what is slow, what is busy.")
	d.Panels = layout(
		group{title: "Targets", panels: fleetNumbers()},
		group{title: "Traffic", panels: fleetTraffic()},
		group{title: "Polling", panels: fleetPolling()},
		group{title: "Each target", panels: []Panel{targetTable(), downTable()}},
	)
	return d
}

func fleetNumbers() []Panel {
	up := by("max", "target", "trapline_target_up")
	return []Panel{
		stat("Up", "Targets whose last pass had an answer.", "none", "sum("+up+")").colors("green"),
		stat("Down", "Targets whose last pass had no answer.", "none", "sum(1 - "+up+")").
			colors("green", above{1, "red"}).option("colorMode", "background"),
		stat("Incomplete tables", "Tables of which the last pass has a part only.", "none",
			orZero("count("+by("max", "target, table", `trapline_target_incomplete{target!=""}`)+" > 0)")).
			colors("green", above{1, "orange"}).option("colorMode", "background"),
		stat("Oldest data", "Age of the oldest answer that is still served.", "s",
			"max("+by("min", "target", "trapline_target_age_seconds")+")").
			colors("green", above{180, "orange"}, above{600, "red"}),
		stat("Interfaces down", "Interfaces that should be up and are not.", "none", orZero("count("+down("")+")")).
			colors("green", above{1, "orange"}),
		stat("Restarted today", "Devices that have been up for less than 24 hours.", "none",
			orZero("count("+by("max", "instance", "sysUpTime")+" / 100 < 86400)")).
			colors("green", above{1, "orange"}),
	}
}

func fleetTraffic() []Panel {
	const port = "{{instance}} {{ifDescr}} {{ifAlias}}"
	return []Panel{
		timeseries("Traffic", "Traffic of all interfaces. A packet counts on each that it crosses.", "bps",
			over("sum("+octets("In", "")+")", "in"), over("sum("+octets("Out", "")+")", "out")),
		timeseries("Traffic by device", "The ten devices that receive most.", "bps",
			over(topk(10, by("sum", "instance", octets("In", ""))), "{{instance}}")),
		bars("Busiest interfaces", "The ten interfaces with the greatest share of their speed in use, in one direction.", "percentunit",
			now(topk(10, both(use("In", ""), use("Out", ""))), port+" {{direction}}")).
			upTo(1).colors("green", above{0.7, "orange"}, above{0.9, "red"}),
		bars("Errors and discards", "The ten interfaces that lose most packets, in both directions.", "pps",
			now(topk(10, faults("")), port)).
			colors("green", above{0.1, "orange"}, above{10, "red"}),
	}
}

func fleetPolling() []Panel {
	packets, retries := "sum(rate(trapline_target_packets_total[$__rate_interval]))", "sum(rate(trapline_target_retries_total[$__rate_interval]))"
	return []Panel{
		timeseries("Pass duration", "The ten targets whose passes take longest.", "s",
			over(topk(10, by("max", "target", "trapline_target_pass_duration_seconds")), "{{target}}")),
		timeseries("Age of data", "The ten targets whose last answer is oldest. Up to the interval is normal.", "s",
			over(topk(10, by("min", "target", "trapline_target_age_seconds")), "{{target}}")),
		timeseries("Requests", "Requests sent, and those among them that were sent again because no answer came.", "pps",
			over(packets, "sent"), over(retries, "of them again")),
		timeseries("Values", "Values received from all targets, per second.", "short",
			over("sum(rate(trapline_target_varbinds_total[$__rate_interval]))", "values")),
		timeseries("Incomplete tables", "Tables of which the last pass has a part only, by the reason.", "none",
			over(by("count", "reason", "trapline_target_incomplete{target!=\"\"} > 0")+` or label_replace(vector(0), "reason", "none", "", "")`, "{{reason}}")),
		bars("Shortest uptime", "The ten devices that restarted last.", "s",
			now("bottomk(10, "+by("max", "instance", "sysUpTime")+" / 100)", "{{instance}}")).
			colors("red", above{3600, "orange"}, above{86400, "green"}),
	}
}

func targetTable() Panel {
	return table("Targets", "The last pass over each target.",
		column{title: "Target", label: "target", properties: []property{toDevice}},
		column{title: "Status", expr: by("max", "target", "trapline_target_up"), properties: []property{
			wordsIn(states(0, mapped{Text: "down", Color: "red"}, mapped{Text: "up", Color: "green"})), colored}},
		column{title: "Duration", unit: "s", expr: by("max", "target", "trapline_target_pass_duration_seconds")},
		column{title: "Age", unit: "s", expr: by("min", "target", "trapline_target_age_seconds")},
		column{title: "Values", unit: "short", expr: by("sum", "target", "rate(trapline_target_varbinds_total[$__rate_interval])")},
		column{title: "Requests", unit: "pps", expr: by("sum", "target", "rate(trapline_target_packets_total[$__rate_interval])")},
		column{title: "Sent again", unit: "pps", expr: by("sum", "target", "rate(trapline_target_retries_total[$__rate_interval])")},
		column{title: "Incomplete tables", unit: "none",
			expr: by("count", "target", "trapline_target_incomplete{target!=\"\"} > 0") + " or 0 * " + by("max", "target", "trapline_target_up")},
	)
}

func downTable() Panel {
	const labels = "instance, ifIndex, ifDescr, ifAlias"
	return table("Interfaces down", "Interfaces that should be up and are not.",
		column{title: "Device", label: "instance", properties: []property{toDevice}},
		column{title: "Index", label: "ifIndex"},
		column{title: "Interface", label: "ifDescr"},
		column{title: "Alias", label: "ifAlias"},
		column{expr: by("max", labels, down(""))},
		column{title: "Down for", unit: "s", expr: "clamp_min(" + by("max", "instance", "sysUpTime") +
			"\n  - on (instance) group_right () " + by("max", labels, "ifLastChange and ("+down("")+")") + ", 0) / 100"},
	)
}

// toDevice links the name of a device to the dashboard about it.
var toDevice = property{"links", []object{{
	"title": "Show ${__value.text}",
	"url":   "/d/" + deviceUID + "?var-instance=${__value.text:percentencode}&${datasource:queryparam}&${__url_time_range}",
}}}

// colored fills cells with the colour of their values.
var colored = property{"custom.cellOptions", object{"type": "color-background", "mode": "basic"}}

// wordsIn shows names in place of a column's numbers.
func wordsIn(m mapping) property { return property{"mappings", []mapping{m}} }
