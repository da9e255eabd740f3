package dashboards

// part identifies a part of a device in vendor-neutral series.
const part = "hw_id, hw_name"

// notRead is shown in the place of what no module of the device reads.
const notRead = "not read"

// readings returns a graph of a vendor-neutral metric, a line for each part.
func readings(title, description, unit, metric string) Panel {
	return timeseries(title, description, unit, over(by("max", part, metric+device), "{{hw_name}}")).noValue(notRead)
}

// deviceHealth returns the panels of what nearly every device has, whoever made it.
func deviceHealth() []Panel {
	return []Panel{
		readings("Processors", "Utilization of each processor.", "percentunit", "system_cpu_utilization_ratio").upTo(1),
		readings("Memory", "Share that is in use of each memory.", "percentunit", "system_memory_utilization_ratio").upTo(1),
		readings("Filesystems", "Share that is in use of each filesystem.", "percentunit", "system_filesystem_utilization_ratio").upTo(1),
		readings("Temperatures", "Readings of all temperature sensors.", "celsius", "hw_temperature_celsius"),
	}
}

// condition are the words for the values of hw_status.
var condition = states(0, mapped{Text: "ok", Color: "green"}, mapped{Text: "degraded", Color: "orange"},
	mapped{Text: "failed", Color: "red"}, mapped{Text: "unknown", Color: "text"})

func deviceEnvironment() []Panel {
	limit := func(kind string) string {
		return by("max", part, "hw_temperature_limit_celsius"+with(device, `hw_limit_type="high.`+kind+`"`))
	}
	return []Panel{
		table("Parts", "Whether each part works, as the device says.",
			column{title: "Part", label: "hw_name"},
			column{title: "Type", label: "hw_type"},
			column{title: "Object", label: "hw_id"},
			column{title: "State", expr: by("max", part+", hw_type", "hw_status"+device), properties: []property{wordsIn(condition), colored}},
		).noValue(notRead).size(12, 9),
		table("Temperatures and their limits", "The limits that the device knows.",
			column{title: "Sensor", label: "hw_name"},
			column{label: "hw_id"},
			column{title: "Temperature", unit: "celsius", expr: by("max", part, "hw_temperature_celsius"+device)},
			column{title: "Degraded above", unit: "celsius", expr: limit("degraded")},
			column{title: "Critical above", unit: "celsius", expr: limit("critical")},
		).noValue(notRead).size(12, 9),
		readings("Fans", "Revolutions of each fan per minute.", "rotrpm", "hw_fan_speed_rpm"),
		readings("Fans, as a part of full speed", "Speed of fans that do not count revolutions.", "percentunit", "hw_fan_speed_ratio").upTo(1),
		readings("Humidity", "Relative humidity.", "percentunit", "hw_humidity_ratio").upTo(1),
	}
}

func devicePower() []Panel {
	return []Panel{
		bars("Charge", "Charge of each battery.", "percentunit", now(by("max", part, "hw_battery_charge_ratio"+device), "{{hw_name}}")).
			upTo(1).colors("red", above{0.3, "orange"}, above{0.8, "green"}).noValue(notRead).size(12, 6),
		bars("Time left", "Time until each battery is empty at the present load.", "s", now(by("max", part, "hw_battery_time_left_seconds"+device), "{{hw_name}}")).
			colors("red", above{300, "orange"}, above{900, "green"}).noValue(notRead).size(12, 6),
		readings("Load", "Load of each power supply, as a part of what it can deliver.", "percentunit", "hw_power_supply_utilization_ratio").upTo(1),
		readings("Power", "Electric power of each part.", "watt", "hw_power_watts"),
		readings("Voltage", "Voltage of each part.", "volt", "hw_voltage_volts"),
		readings("Current", "Electric current of each part, lasers included.", "amp", "hw_current_amperes"),
	}
}

func deviceOptics() []Panel {
	return []Panel{
		timeseries("Light", "Power that transceivers receive and transmit.", "dBm",
			over(by("max", part+", direction, lane", "hw_optical_power_dbm"+device), "{{hw_name}} {{direction}} {{lane}}")).noValue(notRead),
		table("Transceivers", "The light of each transceiver.",
			column{title: "Transceiver", label: "hw_name"},
			column{title: "Port", label: "ifName"},
			column{title: "Direction", label: "direction"},
			column{title: "Lane", label: "lane"},
			column{title: "Light", unit: "dBm", expr: by("max", "hw_name, ifName, direction, lane", "hw_optical_power_dbm"+device)},
		).noValue(notRead).size(12, 9),
	}
}

func deviceRadio() []Panel {
	radio := func(title, description, unit, metric string) Panel {
		return timeseries(title, description, unit, over(by("max", part+", ap, radio, ssid", metric+device), "{{hw_name}} {{ap}} {{radio}} {{ssid}}")).noValue(notRead)
	}
	return []Panel{
		radio("Clients", "Clients of each access point, radio or network.", "none", "wireless_clients"),
		radio("Signal", "Signal that each radio receives.", "dBm", "radio_signal_dbm"),
		radio("Signal and noise", "Ratio of signal to noise.", "dB", "radio_signal_noise_ratio_db"),
		radio("Bit rate", "Bit rate of each radio.", "bps", "radio_bits_per_second"),
		radio("Channel", "Utilization of each channel.", "percentunit", "radio_channel_utilization_ratio").upTo(1),
		radio("Frequency", "Frequency of each radio.", "hertz", "radio_frequency_hertz"),
	}
}

func deviceSessions() []Panel {
	role := states(0, mapped{Text: "none", Color: "text"}, mapped{Text: "active", Color: "green"}, mapped{Text: "standby", Color: "blue"})
	return []Panel{
		readings("Sessions", "Sessions that the device keeps.", "none", "network_sessions"),
		readings("Tunnels", "Tunnels of virtual private networks.", "none", "vpn_tunnels"),
		table("Cluster", "The role of the device in its cluster.",
			column{title: "Name", label: "hw_name"},
			column{label: "hw_id"},
			column{title: "Role", expr: by("max", part, "device_ha_role"+device), properties: []property{wordsIn(role), colored}},
		).noValue(notRead).size(12, 6),
		table("Licenses", "Licenses in use, and those that there are.",
			column{title: "License", label: "hw_name"},
			column{label: "hw_id"},
			column{title: "In use", expr: by("max", part, "license_usage"+device)},
		).noValue(notRead).size(12, 6),
	}
}

func deviceInventory() []Panel {
	const labels = "hw_id, hw_name, hw_type, model, serial, revision"
	return []Panel{
		table("Parts", "What the device is made of.",
			column{title: "Part", label: "hw_name"},
			column{title: "Type", label: "hw_type"},
			column{title: "Model", label: "model"},
			column{title: "Serial number", label: "serial"},
			column{title: "Revision", label: "revision"},
			column{label: "hw_id"},
			column{expr: by("max", labels, "hw_info"+device)},
		).noValue(notRead).size(gridWidth, 9),
	}
}

func devicePoE() []Panel {
	delivering := states(1, mapped{Text: "disabled", Color: "text"}, mapped{Text: "searching", Color: "text"}, mapped{Text: "delivering", Color: "green"},
		mapped{Text: "fault", Color: "red"}, mapped{Text: "test", Color: "orange"}, mapped{Text: "other fault", Color: "red"})
	port := "pethPsePortGroupIndex, pethPsePortIndex"
	return []Panel{
		timeseries("Power", "Power that each supply of PoE delivers, and its maximum.", "watt",
			over(by("max", "pethMainPseGroupIndex", "pethMainPseConsumptionPower"+device), "group {{pethMainPseGroupIndex}} delivers"),
			over(by("max", "pethMainPseGroupIndex", "pethMainPsePower"+device), "group {{pethMainPseGroupIndex}} can")).noValue(notRead),
		table("Ports", "Power that each port delivers.",
			column{title: "Group", label: "pethPsePortGroupIndex"},
			column{title: "Port", label: "pethPsePortIndex"},
			column{title: "State", expr: by("max", port, "pethPsePortDetectionStatus"+device), properties: []property{wordsIn(delivering), colored}},
		).noValue(notRead).size(12, 9),
	}
}

func deviceHost() []Panel {
	space := func(metric string) string { return by("max", part+", mountpoint", metric) }
	return []Panel{
		timeseries("Load", "Mean number of processes that want a processor.", "short",
			over(by("max", "laNames", "laLoadInt"+device+" / 100"), "{{laNames}}")).noValue(notRead),
		timeseries("Memory by use", "Memory that is used, free, and used for files.", "bytes",
			over(by("max", part+", state", "system_memory_usage_bytes"+device), "{{hw_name}} {{state}}")).noValue(notRead),
		timeseries("Processes", "Processes that are loaded or running.", "none", over("max(hrSystemProcesses"+device+")", "processes")).noValue(notRead),
		table("Filesystems", "The size of each filesystem, and what of it is in use.",
			column{title: "Name", label: "hw_name"},
			column{title: "Mounted on", label: "mountpoint"},
			column{label: "hw_id"},
			column{title: "Size", unit: "bytes", expr: space("system_filesystem_limit_bytes" + device)},
			column{title: "Used", unit: "bytes", expr: space("system_filesystem_usage_bytes" + with(device, `state="used"`))},
			column{title: "Use", unit: "percentunit", expr: space("system_filesystem_utilization_ratio" + device)},
		).noValue(notRead).size(12, 9),
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
		).noValue(notRead).size(12, 9),
		table("OSPF neighbors", "State of each neighbor.",
			column{title: "Address", label: "ospfNbrIpAddr"},
			column{title: "State", expr: by("max", "ospfNbrIpAddr", "ospfNbrState"+device), properties: []property{wordsIn(neighbor), colored}},
			column{title: "Events", expr: by("max", "ospfNbrIpAddr", "ospfNbrEvents"+device)},
		).noValue(notRead).size(12, 9),
		timeseries("BGP updates", "Updates received from each peer.", "pps",
			over(by("max", "bgpPeerRemoteAddr", "rate(bgpPeerInUpdates"+device+"[$__rate_interval])"), "{{bgpPeerRemoteAddr}}")).noValue(notRead),
	}
}

func devicePrinter() []Panel {
	return []Panel{
		bars("Supplies and trays", "Share that is left of each supply, and in each tray.", "percentunit",
			now(by("max", part+", color", "printer_supply_ratio"+device), "{{hw_name}}")).
			upTo(1).colors("red", above{0.1, "orange"}, above{0.25, "green"}).noValue(notRead),
		timeseries("Pages", "Pages printed in an hour.", "none",
			over("max(increase(prtMarkerLifeCount"+device+"[1h]))", "pages")).noValue(notRead),
	}
}

func neighborTable() Panel {
	return table("Neighbors", "Neighbors of each port by LLDP.",
		column{title: "Port", label: "lldpLocPortId"},
		column{title: "Neighbor", label: "lldpRemSysName"},
		column{expr: by("max", "lldpLocPortId, lldpRemSysName", "lldpRemSysName"+device)},
		column{title: "Its port", label: "lldpRemPortDesc"},
		column{expr: by("max", "lldpLocPortId, lldpRemPortDesc", "lldpRemPortDesc"+device)},
	).noValue(notRead).size(gridWidth, 9)
}
