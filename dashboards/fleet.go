package dashboards

// Fleet returns the dashboard of all devices: down, alarming, busy and slow ones.
func Fleet() Dashboard {
	d := newDashboard("trapline-fleet", "Trapline / Fleet", "All devices: which are down, busy or slow, and their alarms.")
	d.Templating.List = append(d.Templating.List, scopeVariables()...)
	d.Annotations.List = []annotation{alarmEvents(firing(`$label=~"$value"`))}
	d.Panels = layout(
		group{title: "Devices", panels: fleetNumbers()},
		group{title: "State", panels: []Panel{statusHistory(), alarmsOverTime(), alarmTable(), deviceTable()}},
		group{title: "Hottest, fullest, failed", panels: fleetHealth()},
		group{title: "Interfaces", panels: append(fleetTraffic(), downTable())},
		group{title: "Polls", panels: fleetPolls()},
	)
	return d
}

const port = "{{device}} {{ifName}} {{ifAlias}}"

// ports aggregates the series of each interface over all other labels.
func ports(expr string) string { return per("max", "ifIndex, ifName, ifAlias", expr) }

func fleetNumbers() []Panel {
	up := status(devices)
	partial := per("count", "", "trapline_target_incomplete"+devices+" == 1")
	return []Panel{
		stat("Up", "Devices that answered the last poll.", "none", "sum("+up+")").colors("green").size(3, 4),
		stat("Down", "Devices that did not answer the last poll.", "none", "sum(1 - "+up+")").
			colors("green", above{1, "red"}).option("colorMode", "background").size(3, 4),
		stat("Partial", "Devices of which the last poll lacks something.", "none", orZero("count("+partial+")")).
			colors("green", above{1, "orange"}).option("colorMode", "background").size(3, 4),
		stat("Alarms", "Alarms that are raised.", "none", orZero("count("+firing(`$label=~"$value"`)+")")).
			colors("green", above{1, "orange"}).size(3, 4),
		stat("Critical and major", "Alarms that are raised with the severity critical or major.", "none",
			orZero("count("+firing(`severity=~"critical|major", $label=~"$value"`)+")")).
			colors("green", above{1, "red"}).option("colorMode", "background").size(3, 4),
		stat("Availability", "Share of the polls in the time range that were answered, mean of all devices.", "percentunit",
			"avg(avg_over_time(("+up+")[$__range:$__rate_interval]))").colors("red", above{0.99, "orange"}, above{0.999, "green"}).size(3, 4),
		stat("Interfaces down", "Interfaces that should be up and are not.", "none", orZero("count("+down(devices)+")")).
			colors("green", above{1, "orange"}).size(3, 4),
		stat("Restarted today", "Devices that have been up for less than 24 hours.", "none", orZero("count("+uptime(devices)+" < 86400)")).
			colors("green", above{1, "orange"}).size(3, 4),
	}
}

// statusHistory shows the devices with the lowest availability.
func statusHistory() Panel {
	up := status(devices)
	worst := "bottomk(20, avg_over_time((" + up + ")[$__range:$__rate_interval] @ end()))"
	p := newPanel("status-history", "Status history", "The twenty devices that answered least in the time range, a cell for each poll.", "none",
		[]target{over(up+"\nand on (device) "+worst, "{{device}}")})
	p.Options = object{"showValue": "never", "rowHeight": 0.9, "colWidth": 1, "legend": object{"showLegend": false}, "tooltip": object{"mode": "single"}}
	p.FieldConfig.Defaults.Custom = object{"fillOpacity": 80, "lineWidth": 0}
	return p.words(upDown).colors("red", above{1, "green"}).size(12, 10)
}

// upDown names the values of a status.
var upDown = states(0, mapped{Text: "down", Color: "red"}, mapped{Text: "up", Color: "green"})

func alarmsOverTime() Panel {
	return timeseries("Alarms by severity", "Alarms that are raised.", "none",
		over(orNone(by("count", "severity", firing(`$label=~"$value"`)), "severity"), "{{severity}}")).size(12, 10)
}

func alarmTable() Panel {
	return table("Alarms", "Alarms that are raised. Who was notified is on the page Alarms of Trapline.",
		column{title: "Severity", label: "severity", properties: []property{{"custom.width", 110}}},
		column{title: "Alarm", label: "alertname"},
		column{title: "Device", label: "device", properties: []property{toDevice}},
		column{title: "Interface", label: "ifName"},
		column{title: "Alias", label: "ifAlias"},
		column{title: "Count", expr: firingByDevice("severity, alertname, ifName, ifAlias", `$label=~"$value"`), properties: []property{{"custom.width", 80}}},
	).noValue("No alarms").size(gridWidth, 8)
}

func deviceTable() Panel {
	return table("All devices", "The last poll of each device.",
		column{title: "Device", label: "device", properties: []property{toDevice}},
		column{title: "Status", expr: status(devices), properties: []property{wordsIn(upDown), colored}},
		column{title: "Poll", unit: "s", expr: duration(devices)},
		column{title: "Age", unit: "s", expr: age(devices)},
		column{title: "Loss", unit: "percentunit", expr: loss(devices)},
		column{title: "Partial tables", unit: "none", expr: per("count", "", "trapline_target_incomplete"+devices+" == 1") + " or 0 * " + status(devices)},
		column{title: "Uptime", unit: "dtdurations", expr: uptime(devices)},
	)
}

// fleetHealth returns the panels of what is hot, full, weak or broken, whoever made it.
func fleetHealth() []Panel {
	const name = "{{device}} {{hw_name}}"
	each := func(metric string) string { return per("max", part, metric) }
	share := func(title, description, metric string) Panel {
		return bars(title, description, "percentunit", now(topk(10, each(metric+devices)), name)).
			upTo(1).colors("green", above{0.8, "orange"}, above{0.95, "red"}).noValue(notRead).size(8, 9)
	}
	low := func(title, description, metric string) Panel {
		return bars(title, description, "percentunit", now("bottomk(10, "+each(metric+devices)+")", name)).
			upTo(1).colors("red", above{0.1, "orange"}, above{0.3, "green"}).noValue(notRead).size(8, 9)
	}
	limit := per("max", "hw_id", "hw_temperature_limit_celsius"+with(devices, `hw_limit_type="high.critical"`)+" > 0")
	return []Panel{
		table("Failed and degraded", "Parts that the devices report as failed or degraded.",
			column{title: "Device", label: "device", properties: []property{toDevice}},
			column{title: "Part", label: "hw_name"},
			column{title: "Type", label: "hw_type"},
			column{label: "hw_id"},
			column{title: "State", expr: per("max", part+", hw_type", "hw_status"+devices+" > 0 < 3"), properties: []property{wordsIn(condition), colored}},
		).noValue("No part has failed").size(gridWidth, 8),
		bars("Hottest", "The ten highest temperatures.", "celsius", now(topk(10, each("hw_temperature_celsius"+devices)), name)).
			colors("green", above{60, "orange"}, above{75, "red"}).noValue(notRead).size(8, 9),
		bars("Nearest to their limits", "The ten temperatures that are nearest to the limit that the device knows, as a part of it.", "percentunit",
			now(topk(10, each("hw_temperature_celsius"+devices)+"\n  / on (device, hw_id) group_left () "+limit), name)).
			upTo(1).colors("green", above{0.8, "orange"}, above{1, "red"}).noValue(notRead).size(8, 9),
		share("Busiest processors", "The ten busiest processors.", "system_cpu_utilization_ratio"),
		share("Fullest memories", "The ten fullest memories.", "system_memory_utilization_ratio"),
		share("Fullest filesystems", "The ten fullest filesystems.", "system_filesystem_utilization_ratio"),
		bars("Weakest light", "The ten transceivers that receive least light, without those that receive none.", "dBm",
			now("bottomk(10, "+each("hw_optical_power_dbm"+with(devices, `direction!="transmit"`)+" > -40")+")", name)).
			from(-40).colors("red", above{-25, "orange"}, above{-15, "green"}).noValue(notRead).size(8, 9),
		low("Emptiest batteries", "The ten batteries with the lowest charge.", "hw_battery_charge_ratio"),
		low("Lowest supplies", "The ten supplies of printers with least left.", "printer_supply_ratio"),
	}
}

func fleetTraffic() []Panel {
	total := func(direction string) string { return "sum(" + ports(octets(direction, devices)) + ")" }
	use95 := func(direction string) string {
		return "quantile_over_time(0.95, (" + ports(use(direction, devices)) + ")[$__range:$__rate_interval])"
	}
	return []Panel{
		timeseries("Traffic", "Traffic of all interfaces, received above and sent below. A packet counts on each interface that it crosses.", "bps",
			over(total("In"), "in"), over("-"+total("Out"), "out")),
		timeseries("Traffic by device", "The ten devices that receive most.", "bps",
			over(topk(10, by("sum", "device", ports(octets("In", devices)))), "{{device}}")),
		bars("Busiest interfaces", "The ten interfaces that use most of their speed in one direction, as the 95th percentile over the time range.", "percentunit",
			now(topk(10, both(use95("In"), use95("Out"))), port+" {{direction}}")).
			upTo(1).colors("green", above{0.7, "orange"}, above{0.9, "red"}),
		bars("Errors and discards", "The ten interfaces that lose most packets, in both directions.", "pps",
			now(topk(10, ports(faults(devices))), port)).
			colors("green", above{0.1, "orange"}, above{10, "red"}),
	}
}

func fleetPolls() []Panel {
	return []Panel{
		timeseries("Slow polls", "The ten devices whose polls take longest.", "s", over(topk(10, duration(devices)), "{{device}}")),
		timeseries("Age of data", "The ten devices whose last answer is oldest. Up to the interval is normal.", "s", over(topk(10, age(devices)), "{{device}}")),
		timeseries("Loss", "The ten devices that requests are retransmitted to most.", "percentunit", over(topk(10, loss(devices)), "{{device}}")),
		timeseries("Partial tables", "Tables of which the last poll has a part only, by the reason.", "none",
			over(orNone(by("count", "reason", "trapline_target_incomplete"+devices+" == 1"), "reason"), "{{reason}}")),
		bars("Shortest uptime", "The ten devices that restarted last.", "s", now("bottomk(10, "+uptime(devices)+")", "{{device}}")).
			colors("red", above{3600, "orange"}, above{86400, "green"}),
		bars("Restarts", "The ten devices that restarted most in the time range.", "none",
			now(topk(10, per("max", "", "resets(sysUpTime"+devices+"[$__range])")), "{{device}}")).
			colors("green", above{1, "orange"}),
	}
}

func downTable() Panel {
	const labels = "ifIndex, ifName, ifAlias"
	return table("Interfaces down", "Interfaces that should be up and are not.",
		column{title: "Device", label: "device", properties: []property{toDevice}},
		column{title: "Index", label: "ifIndex", properties: []property{{"custom.width", 80}}},
		column{title: "Interface", label: "ifName"},
		column{title: "Alias", label: "ifAlias"},
		column{expr: per("max", labels, down(devices))},
		column{title: "Down for", unit: "s", expr: "clamp_min(" + uptime(devices) +
			"\n  - on (device) group_right () " + per("max", labels, "ifLastChange"+devices+" / 100 and ("+down(devices)+")") + ", 0)"},
	).noValue("No interface is down")
}

// toDevice links the name of a device to its dashboard.
var toDevice = property{"links", []object{{
	"title": "Show ${__value.text}",
	"url":   "/d/" + deviceUID + "?var-device=${__value.text:percentencode}&${by:queryparam}&${job:queryparam}&${datasource:queryparam}&${__url_time_range}",
}}}

// colored fills cells with the color of their values.
var colored = property{"custom.cellOptions", object{"type": "color-background", "mode": "basic"}}

// wordsIn shows names in place of the numbers of a column.
func wordsIn(m mapping) property { return property{"mappings", []mapping{m}} }
