package dashboards

// The choices of the viewer, as selectors: the device, and those of its interfaces that are shown.
const (
	device     = `{instance="$instance"}`
	interfaces = `{instance="$instance", ifDescr=~"$interface"}`
	port       = "{{ifDescr}} {{ifAlias}}"
)

// Device is about one target: its interfaces, sensors and processors, or the power it supplies.
func Device() Dashboard {
	d := newDashboard(deviceUID, "Trapline / Device", "One device: interfaces, sensors, processors and, of a UPS, power.")
	instance := labelValues("instance", "Device", "label_values(ifOperStatus, instance)")
	shown := labelValues("interface", "Interface", "label_values(ifOperStatus"+device+", ifDescr)")
	shown.Multi, shown.IncludeAll, shown.AllValue = true, true, ".*"
	shown.Current = object{"text": []string{"All"}, "value": []string{"$__all"}}
	d.Templating.List = append(d.Templating.List, instance, shown)
	d.Annotations.List = []annotation{{
		Name: "Restart", Title: "Restart", Datasource: prometheus, Enable: true, IconColor: "orange", Step: pollInterval,
		Expr: "max by (instance) (sysUpTime" + device + ") / 100 < 120",
	}}
	d.Panels = layout(
		group{title: "$instance", panels: deviceNumbers()},
		group{title: "Interfaces", panels: append(deviceTraffic(), interfaceTable())},
		group{title: "Processors and sensors (hrDevice, entity_sensor)", panels: deviceHardware()},
		group{title: "Power (ups_mib)", collapsed: true, panels: devicePower()},
	)
	return d
}

func deviceNumbers() []Panel {
	const self = `{target="$instance"}`
	return []Panel{
		stat("Status", "Did the last pass have an answer?", "none", "max(trapline_target_up"+self+")").
			words(states(0, mapped{Text: "down", Color: "red"}, mapped{Text: "up", Color: "green"})).option("colorMode", "background").size(3, 4),
		stat("Uptime", "Time since the device, or at least its SNMP agent, started.", "dtdurations", "max(sysUpTime"+device+") / 100").
			colors("orange", above{86400, "green"}).size(3, 4),
		stat("Interfaces up", "Interfaces that are up.", "none", orZero("count(ifOperStatus"+device+" == 1)")).colors("green").size(3, 4),
		stat("Interfaces down", "Interfaces that should be up and are not.", "none", orZero("count("+down(device)+")")).
			colors("green", above{1, "orange"}).size(3, 4),
		stat("Received", "Traffic that all interfaces receive.", "bps", "sum("+octets("In", device)+")").size(3, 4),
		stat("Sent", "Traffic that all interfaces send.", "bps", "sum("+octets("Out", device)+")").size(3, 4),
		stat("Age of data", "Time since the last answer.", "s", "min(trapline_target_age_seconds"+self+")").
			colors("green", above{180, "orange"}, above{600, "red"}).size(3, 4),
		stat("Pass duration", "Time that the last pass took.", "s", "max(trapline_target_pass_duration_seconds"+self+")").size(3, 4),
		table("Device", "What the device says about itself.",
			column{label: "instance"},
			column{title: "Name", label: "sysName"}, column{expr: by("max", "instance, sysName", "sysName"+device)},
			column{title: "Description", label: "sysDescr"}, column{expr: by("max", "instance, sysDescr", "sysDescr"+device)},
			column{title: "Location", label: "sysLocation"}, column{expr: by("max", "instance, sysLocation", "sysLocation"+device)},
			column{title: "Contact", label: "sysContact"}, column{expr: by("max", "instance, sysContact", "sysContact"+device)},
		).size(gridWidth, 4),
	}
}

func deviceTraffic() []Panel {
	// A chassis has more interfaces than a graph can show lines.
	busiest := func(expr string) string { return topk(20, expr) }
	return []Panel{
		timeseries("Received", "Traffic received, of the twenty busiest interfaces at each moment.", "bps",
			over(busiest(octets("In", interfaces)), port)),
		timeseries("Sent", "Traffic sent, of the twenty busiest interfaces at each moment.", "bps",
			over(busiest(octets("Out", interfaces)), port)),
		timeseries("Utilisation", "Share of the speed that is in use, of the twenty busiest interfaces and directions.", "percentunit",
			over(busiest(both(use("In", interfaces), use("Out", interfaces))), port+" {{direction}}")).upTo(1),
		timeseries("Errors and discards", "Packets lost in both directions, of the twenty interfaces that lose most.", "pps",
			over(busiest(faults(interfaces)), port)),
	}
}

func interfaceTable() Panel {
	const labels = "ifIndex, ifDescr, ifAlias"
	each := func(expr string) string { return by("max", labels, expr) }
	up, missing, odd := mapped{Text: "up", Color: "green"}, mapped{Text: "down", Color: "red"}, "orange"
	admin := states(1, up, mapped{Text: "down", Color: "text"}, mapped{Text: "testing", Color: odd})
	oper := states(1, up, missing, mapped{Text: "testing", Color: odd}, mapped{Text: "unknown", Color: odd},
		mapped{Text: "dormant", Color: odd}, mapped{Text: "not present", Color: "text"}, mapped{Text: "lower layer down", Color: odd})
	return table("Interfaces", "The state of each interface that is chosen above.",
		column{title: "Index", label: "ifIndex", properties: []property{{"custom.width", 80}}},
		column{title: "Interface", label: "ifDescr"},
		column{title: "Alias", label: "ifAlias"},
		column{title: "Asked for", expr: each("ifAdminStatus" + interfaces), properties: []property{wordsIn(admin)}},
		column{title: "State", expr: each("ifOperStatus" + interfaces), properties: []property{wordsIn(oper), colored}},
		column{title: "Speed", unit: "bps", expr: each(speed(interfaces))},
		column{title: "In", unit: "bps", expr: each(octets("In", interfaces))},
		column{title: "Out", unit: "bps", expr: each(octets("Out", interfaces))},
		column{title: "Errors and discards", unit: "pps", expr: each(faults(interfaces))},
		column{title: "Unchanged for", unit: "s", expr: "clamp_min(scalar(max(sysUpTime" + device + "))\n  - " +
			each("ifLastChange"+interfaces) + ", 0) / 100"},
	)
}

func deviceHardware() []Panel {
	return []Panel{
		timeseries("Processors", "Share of the last minute in which each processor was busy.", "percent",
			over("hrProcessorLoad"+device, "{{hrDeviceDescr}} {{hrDeviceIndex}}")).upTo(100),
		timeseries("Temperatures", "What the temperature sensors read.", "celsius",
			over(reading(`{instance="$instance", entPhySensorType="celsius"}`), "{{entPhysicalName}} {{entPhysicalDescr}}")),
		table("Sensors", "The reading of each sensor in the base unit of its kind.",
			column{title: "Index", label: "entPhysicalIndex", properties: []property{{"custom.width", 80}}},
			column{title: "Name", label: "entPhysicalName"},
			column{title: "Description", label: "entPhysicalDescr"},
			column{title: "Unit", label: "entPhySensorType"},
			column{title: "Reading", expr: by("max", "entPhysicalIndex, entPhysicalName, entPhysicalDescr, entPhySensorType", reading(device))},
		),
	}
}

func devicePower() []Panel {
	one := func(metric string) string { return "max(" + metric + device + ")" }
	battery := states(1, mapped{Text: "unknown", Color: "orange"}, mapped{Text: "normal", Color: "green"},
		mapped{Text: "low", Color: "red"}, mapped{Text: "depleted", Color: "red"})
	source := states(1, mapped{Text: "other", Color: "orange"}, mapped{Text: "none", Color: "red"}, mapped{Text: "mains", Color: "green"},
		mapped{Text: "bypass", Color: "orange"}, mapped{Text: "battery", Color: "red"}, mapped{Text: "booster", Color: "orange"},
		mapped{Text: "reducer", Color: "orange"})
	return []Panel{
		stat("Output from", "What feeds the output.", "none", one("upsOutputSource")).words(source).option("colorMode", "background"),
		stat("Battery", "State of the battery.", "none", one("upsBatteryStatus")).words(battery).option("colorMode", "background"),
		stat("Charge", "Charge of the battery.", "percent", one("upsEstimatedChargeRemaining")).
			upTo(100).colors("red", above{30, "orange"}, above{80, "green"}),
		stat("Time left", "Time until the battery is empty at the present load.", "m", one("upsEstimatedMinutesRemaining")).
			colors("red", above{5, "orange"}, above{15, "green"}),
		stat("On battery for", "Time since the UPS went on battery; 0 if it is not.", "s", one("upsSecondsOnBattery")).
			colors("green", above{1, "red"}),
		stat("Alarms", "Alarms that are active.", "none", one("upsAlarmsPresent")).
			colors("green", above{1, "red"}).option("colorMode", "background"),
		timeseries("Load", "Load of each output line, in percent of what the UPS can deliver.", "percent",
			over("upsOutputPercentLoad"+device, "line {{upsOutputLineIndex}}")).upTo(100),
		timeseries("Power", "True power of each output line.", "watt",
			over("upsOutputPower"+device, "line {{upsOutputLineIndex}}")),
		timeseries("Voltage", "Voltage of each input and output line.", "volt",
			over("upsInputVoltage"+device, "input {{upsInputLineIndex}}"), over("upsOutputVoltage"+device, "output {{upsOutputLineIndex}}")),
		timeseries("Battery", "Charge of the battery, and the temperature at it.", "none",
			over("upsEstimatedChargeRemaining"+device, "charge, percent"), over("upsBatteryTemperature"+device, "temperature, °C")),
	}
}
