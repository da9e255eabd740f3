package dashboards

import (
	"fmt"
	"strings"
)

// deviceHealth returns the panels of standard MIBs that most vendors implement.
func deviceHealth() []Panel {
	const celsius = `entPhySensorType="celsius"`
	memory := func(selector string) string {
		return "hrStorageUsed" + selector + " / (hrStorageSize" + selector + " > 0)"
	}
	return []Panel{
		timeseries("Processor", "Share of the last minute in which each processor was busy.", "percent",
			over(by("max", "hrDeviceIndex, hrDeviceDescr", "hrProcessorLoad"+device), "{{hrDeviceDescr}} {{hrDeviceIndex}}"),
			over("100 - max(ssCpuIdle"+device+")", "all")).upTo(100).noValue("not read").size(8, 9),
		timeseries("Memory and storage", "Share that is in use of each memory and file system.", "percentunit",
			over(by("max", "hrStorageIndex, hrStorageDescr", memory(device)), "{{hrStorageDescr}}"),
			over("1 - max((memAvailReal"+device+" + memBuffer"+device+" + memCached"+device+") / memTotalReal"+device+")", "memory")).upTo(1).noValue("not read").size(8, 9),
		timeseries("Temperature", "Readings of the temperature sensors.", "celsius",
			over(by("max", "entPhysicalName, entPhysicalDescr", reading(with(device, celsius))), "{{entPhysicalName}}")).noValue("not read").size(8, 9),
	}
}

func deviceParts() []Panel {
	working := states(1, mapped{Text: "unknown", Color: "orange"}, mapped{Text: "disabled", Color: "red"},
		mapped{Text: "enabled", Color: "green"}, mapped{Text: "testing", Color: "orange"})
	sensor := "entPhysicalIndex, entPhysicalName, entPhysicalDescr, entPhySensorType"
	return []Panel{
		timeseries("Fans", "Revolutions per minute of each fan.", "rotrpm",
			over(by("max", "entPhysicalName", reading(with(device, `entPhySensorType="rpm"`))), "{{entPhysicalName}}")).noValue("not read"),
		table("Fans and power supplies", "Whether each fan and power supply works, by ENTITY-STATE-MIB.",
			column{title: "Part", label: "entPhysicalName"},
			column{title: "Class", label: "entPhysicalClass"},
			column{title: "State", expr: by("max", "entPhysicalName, entPhysicalClass", "entStateOper"+with(device, `entPhysicalClass=~"fan|powerSupply"`)), properties: []property{wordsIn(working), colored}},
		).noValue("not read").size(12, 9),
		table("Sensors", "The reading of each sensor in the base unit of its kind.",
			column{title: "Index", label: "entPhysicalIndex", properties: []property{{"custom.width", 80}}},
			column{title: "Name", label: "entPhysicalName"},
			column{title: "Description", label: "entPhysicalDescr"},
			column{title: "Unit", label: "entPhySensorType"},
			column{title: "Reading", expr: by("max", sensor, reading(device))},
		),
	}
}

// deviceOptics returns the panels of sensors named like those of transceivers.
func deviceOptics() []Panel {
	light := with(device, `entPhySensorType=~"dBm|watts|other", entPhysicalName=~"(?i).*(rx|tx|receive|transmit|optical|laser|transceiver).*"`)
	bias := with(device, `entPhySensorType="amperes", entPhysicalName=~"(?i).*(bias|laser|transceiver|optical).*"`)
	return []Panel{
		timeseries("Light", "Power that transceivers receive and transmit, in the unit of the sensor (dBm or watts).", "none",
			over(by("max", "entPhysicalName, entPhySensorType", reading(light)), "{{entPhysicalName}} ({{entPhySensorType}})")).noValue("not read"),
		timeseries("Bias current", "Current of the lasers.", "amp",
			over(by("max", "entPhysicalName", reading(bias)), "{{entPhysicalName}}")).noValue("not read"),
	}
}

func devicePoE() []Panel {
	delivering := states(1, mapped{Text: "disabled", Color: "text"}, mapped{Text: "searching", Color: "text"}, mapped{Text: "delivering", Color: "green"},
		mapped{Text: "fault", Color: "red"}, mapped{Text: "test", Color: "orange"}, mapped{Text: "other fault", Color: "red"})
	port := "pethPsePortGroupIndex, pethPsePortIndex"
	return []Panel{
		timeseries("Power", "Power that each supply of PoE delivers, and its maximum.", "watt",
			over(by("max", "pethMainPseGroupIndex", "pethMainPseConsumptionPower"+device), "group {{pethMainPseGroupIndex}} delivers"),
			over(by("max", "pethMainPseGroupIndex", "pethMainPsePower"+device), "group {{pethMainPseGroupIndex}} can")).noValue("not read"),
		table("Ports", "Power that each port delivers.",
			column{title: "Group", label: "pethPsePortGroupIndex"},
			column{title: "Port", label: "pethPsePortIndex"},
			column{title: "State", expr: by("max", port, "pethPsePortDetectionStatus"+device), properties: []property{wordsIn(delivering), colored}},
		).noValue("not read").size(12, 9),
	}
}

func deviceHost() []Panel {
	return []Panel{
		timeseries("Load", "Mean number of processes that want a processor.", "short",
			over(by("max", "laNames", "laLoadInt"+device+" / 100"), "{{laNames}}")).noValue("not read"),
		timeseries("Memory", "Memory by use, of Net-SNMP's agent.", "kbytes",
			over("max(memTotalReal"+device+")", "total"), over("max(memAvailReal"+device+")", "free"),
			over("max(memCached"+device+")", "cached"), over("max(memBuffer"+device+")", "buffers")).noValue("not read"),
		timeseries("Processes", "Processes that are loaded or running.", "none", over("max(hrSystemProcesses"+device+")", "processes")).noValue("not read"),
		table("Storage", "Memory and file systems.",
			column{title: "Name", label: "hrStorageDescr"},
			column{title: "Size", unit: "bytes", expr: by("max", "hrStorageDescr", "hrStorageSize"+device+" * hrStorageAllocationUnits"+device)},
			column{title: "Used", unit: "bytes", expr: by("max", "hrStorageDescr", "hrStorageUsed"+device+" * hrStorageAllocationUnits"+device)},
			column{title: "Use", unit: "percentunit", expr: by("max", "hrStorageDescr", "hrStorageUsed"+device+" / (hrStorageSize"+device+" > 0)")},
		).noValue("not read").size(12, 9),
	}
}

func deviceRouting() []Panel {
	session := states(1, mapped{Text: "idle", Color: "red"}, mapped{Text: "connect", Color: "orange"}, mapped{Text: "active", Color: "orange"},
		mapped{Text: "open sent", Color: "orange"}, mapped{Text: "open confirm", Color: "orange"}, mapped{Text: "established", Color: "green"})
	neighbor := states(1, mapped{Text: "down", Color: "red"}, mapped{Text: "attempt", Color: "orange"}, mapped{Text: "init", Color: "orange"},
		mapped{Text: "two-way", Color: "green"}, mapped{Text: "exchange start", Color: "orange"}, mapped{Text: "exchange", Color: "orange"},
		mapped{Text: "loading", Color: "orange"}, mapped{Text: "full", Color: "green"})
	peer := "bgpPeerRemoteAddr, bgpPeerRemoteAs"
	return []Panel{
		table("BGP sessions", "State of each session.",
			column{title: "Peer", label: "bgpPeerRemoteAddr"},
			column{title: "AS", label: "bgpPeerRemoteAs"},
			column{title: "State", expr: by("max", peer, "bgpPeerState"+device), properties: []property{wordsIn(session), colored}},
			column{title: "For", unit: "s", expr: by("max", peer, "bgpPeerFsmEstablishedTime"+device)},
			column{title: "Established", expr: by("max", peer, "bgpPeerFsmEstablishedTransitions"+device)},
		).noValue("not read").size(12, 9),
		table("OSPF neighbors", "State of each neighbor.",
			column{title: "Address", label: "ospfNbrIpAddr"},
			column{title: "State", expr: by("max", "ospfNbrIpAddr", "ospfNbrState"+device), properties: []property{wordsIn(neighbor), colored}},
			column{title: "Events", expr: by("max", "ospfNbrIpAddr", "ospfNbrEvents"+device)},
		).noValue("not read").size(12, 9),
		timeseries("BGP updates", "Updates received from each peer.", "pps",
			over(by("max", "bgpPeerRemoteAddr", "rate(bgpPeerInUpdates"+device+"[$__rate_interval])"), "{{bgpPeerRemoteAddr}}")).noValue("not read"),
	}
}

func devicePrinter() []Panel {
	return []Panel{
		bars("Supplies", "Share that is left of each supply.", "percentunit",
			now(by("max", "prtMarkerSuppliesDescription", "(prtMarkerSuppliesLevel"+device+" >= 0) / (prtMarkerSuppliesMaxCapacity"+device+" > 0)"), "{{prtMarkerSuppliesDescription}}")).
			upTo(1).colors("red", above{0.1, "orange"}, above{0.25, "green"}).noValue("not read").size(8, 9),
		bars("Trays", "Share that is left in each tray.", "percentunit",
			now(by("max", "prtInputName", "(prtInputCurrentLevel"+device+" >= 0) / (prtInputMaxCapacity"+device+" > 0)"), "{{prtInputName}}")).
			upTo(1).colors("red", above{0.1, "orange"}, above{0.25, "green"}).noValue("not read").size(8, 9),
		timeseries("Pages", "Pages printed in an hour.", "none",
			over("max(increase(prtMarkerLifeCount"+device+"[1h]))", "pages")).noValue("not read").size(8, 9),
	}
}

func neighborTable() Panel {
	return table("Neighbors", "Neighbors of each port by LLDP.",
		column{title: "Port", label: "lldpLocPortId"},
		column{title: "Neighbor", label: "lldpRemSysName"},
		column{expr: by("max", "lldpLocPortId, lldpRemSysName", "lldpRemSysName"+device)},
		column{title: "Its port", label: "lldpRemPortDesc"},
		column{expr: by("max", "lldpLocPortId, lldpRemPortDesc", "lldpRemPortDesc"+device)},
	).noValue("not read").size(gridWidth, 9)
}

func devicePower() []Panel {
	one := func(metric string) string { return "max(" + metric + device + ")" }
	const batteries, sources = "unknown batteryNormal batteryLow batteryDepleted", "other none normal bypass battery booster reducer"
	battery := states(1, mapped{Text: "unknown", Color: "orange"}, mapped{Text: "normal", Color: "green"},
		mapped{Text: "low", Color: "red"}, mapped{Text: "depleted", Color: "red"})
	source := states(1, mapped{Text: "other", Color: "orange"}, mapped{Text: "none", Color: "red"}, mapped{Text: "mains", Color: "green"},
		mapped{Text: "bypass", Color: "orange"}, mapped{Text: "battery", Color: "red"}, mapped{Text: "booster", Color: "orange"},
		mapped{Text: "reducer", Color: "orange"})
	return []Panel{
		stat("Output from", "Source of the output.", "none", enumeration("upsOutputSource", sources)).words(source).option("colorMode", "background").noValue("not read"),
		stat("Battery", "State of the battery.", "none", enumeration("upsBatteryStatus", batteries)).words(battery).option("colorMode", "background").noValue("not read"),
		stat("Charge", "Charge of the battery.", "percent", one("upsEstimatedChargeRemaining")).
			upTo(100).colors("red", above{30, "orange"}, above{80, "green"}).noValue("not read"),
		stat("Time left", "Time until the battery is empty at the present load.", "m", one("upsEstimatedMinutesRemaining")).
			colors("red", above{5, "orange"}, above{15, "green"}).noValue("not read"),
		stat("On battery for", "Time since the UPS went on battery; 0 if it is not.", "s", one("upsSecondsOnBattery")).
			colors("green", above{1, "red"}).noValue("not read"),
		stat("Alarms", "Alarms that are active.", "none", one("upsAlarmsPresent")).
			colors("green", above{1, "red"}).option("colorMode", "background").noValue("not read"),
		timeseries("Load", "Load of each output line, in percent of the power of the UPS.", "percent",
			over(by("max", "upsOutputLineIndex", "upsOutputPercentLoad"+device), "line {{upsOutputLineIndex}}")).upTo(100).noValue("not read"),
		timeseries("Power", "True power of each output line.", "watt",
			over(by("max", "upsOutputLineIndex", "upsOutputPower"+device), "line {{upsOutputLineIndex}}")).noValue("not read"),
		timeseries("Voltage", "Voltage of each input and output line.", "volt",
			over(by("max", "upsInputLineIndex", "upsInputVoltage"+device), "input {{upsInputLineIndex}}"),
			over(by("max", "upsOutputLineIndex", "upsOutputVoltage"+device), "output {{upsOutputLineIndex}}")).noValue("not read"),
		timeseries("Battery", "Charge of the battery, and the temperature at it.", "none",
			over(one("upsEstimatedChargeRemaining"), "charge, percent"), over(one("upsBatteryTemperature"), "temperature, °C")).noValue("not read"),
	}
}

// enumeration returns the number of an enumeration that starts at 1, for modules that poll it as a
// number or as a state set with those names.
func enumeration(metric, names string) string {
	expr := metric + with(device, metric+`=""`)
	for i, name := range strings.Fields(names) {
		expr += fmt.Sprintf("\n  or %d * (%s == 1)", i+1, metric+with(device, fmt.Sprintf("%s=%q", metric, name)))
	}
	return "max(" + expr + ")"
}
