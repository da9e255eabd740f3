package dashboards

import "fmt"

// process selects the scrapes of Trapline that the viewer chose.
const process = `{instance=~"$instance"}`

// Trapline returns the dashboard of the process: receivers, rules, polls, memory.
func Trapline() Dashboard {
	d := newDashboard("trapline-trapline", "Trapline / Trapline", "The process: receivers, rules, polls, memory.")
	d.Templating.List = append(d.Templating.List, labelValues("instance", "Instance", "label_values(trapline_targets, instance)").withAll())
	d.Annotations.List = []annotation{{
		Name: "Restart", Title: "Trapline started", Datasource: prometheus, Enable: true, IconColor: "orange", Step: pollInterval,
		Expr: "time() - process_start_time_seconds" + process + " < 120 and on (instance) trapline_targets",
	}, {
		Name: "Reload refused", Title: "Reload refused", Datasource: prometheus, Enable: true, IconColor: "red", Step: pollInterval,
		Expr: "trapline_config_last_reload_successful" + process + " == 0",
	}}
	d.Panels = layout(
		group{title: "Process", panels: processNumbers()},
		group{title: "Receivers", panels: receiverPanels()},
		group{title: "Alarms and rules", panels: rulePanels()},
		group{title: "Polls", panels: pollPanels()},
		group{title: "Memory and HTTP", panels: memoryPanels()},
	)
	return d
}

func perSecond(metric string) string {
	return "rate(" + metric + process + "[$__rate_interval])"
}

// quantile returns a quantile of a histogram by labels.
func quantile(q float64, labels, metric string) string {
	return fmt.Sprintf("histogram_quantile(%v, %s)", q, by("sum", labels, perSecond(metric+"_bucket")))
}

func processNumbers() []Panel {
	return []Panel{
		stat("Targets", "Targets that are polled.", "none", "sum(trapline_targets"+process+")").size(3, 4),
		stat("Configuration", "Was the last reload accepted?", "none", "min(trapline_config_last_reload_successful"+process+")").
			words(states(0, mapped{Text: "refused", Color: "red"}, mapped{Text: "accepted", Color: "green"})).option("colorMode", "background").size(3, 4),
		stat("Alarms", "Alarms that are raised.", "none", orZero("sum(trapline_alarms_active"+process+")")).colors("green", above{1, "orange"}).size(3, 4),
		stat("Receivers failing", "Receivers that acknowledge nothing.", "none", orZero("sum(trapline_receiver_failing"+process+")")).
			colors("green", above{1, "red"}).option("colorMode", "background").size(3, 4),
		stat("Waiting", "Notifications that wait for receivers.", "none", orZero("sum(trapline_notifications_queued"+process+")")).
			colors("green", above{100, "orange"}).size(3, 4),
		stat("Rules failing", "Rules that cannot be evaluated.", "none", orZero("sum(trapline_rules_unhealthy"+process+")")).
			colors("green", above{1, "red"}).size(3, 4),
		stat("Memory", "Resident memory.", "bytes", "sum(process_resident_memory_bytes"+process+" and on (instance) trapline_targets)").size(3, 4),
		stat("Up for", "Time since the process started.", "dtdurations", "min(time() - process_start_time_seconds"+process+" and on (instance) trapline_targets)").size(3, 4),
	}
}

func receiverPanels() []Panel {
	each := func(operator, expr string) string { return by(operator, "receiver", expr) }
	metric := func(name string) string { return "trapline_notifications_" + name + process }
	day := func(name string) string { return each("sum", "increase("+metric(name+"_total")+"[24h])") }
	works := states(0, mapped{Text: "works", Color: "green"}, mapped{Text: "fails", Color: "red"})
	const none = "No receivers"
	return []Panel{
		table("Receivers", "Each receiver, and its queue.",
			column{title: "Receiver", label: "receiver"},
			column{title: "State", expr: each("max", "trapline_receiver_failing"+process), properties: []property{wordsIn(works), colored}},
			column{title: "Waiting", unit: "none", expr: each("sum", metric("queued"))},
			column{title: "Oldest", unit: "s", expr: each("max", metric("oldest_seconds"))},
			column{title: "Acknowledged, 24 h", unit: "short", expr: day("delivered")},
			column{title: "Given up, 24 h", unit: "short", expr: day("dead")},
			column{title: "Dropped, 24 h", unit: "short", expr: day("dropped")},
			column{title: "Last acknowledged", unit: "dateTimeFromNow", expr: "1000 * " + each("max", "trapline_receiver_last_confirmed_timestamp_seconds"+process)},
		).noValue(none).size(gridWidth, 7),
		timeseries("Waiting", "Notifications that wait for each receiver.", "none", over(each("sum", metric("queued")), "{{receiver}}")).noValue(none),
		timeseries("Oldest", "Age of the oldest notification that waits.", "s", over(each("max", metric("oldest_seconds")), "{{receiver}}")).noValue(none),
		timeseries("Answer time", "Time from sending a notification to its acknowledgment, 99th percentile.", "s",
			over(quantile(0.99, "receiver, le", "trapline_notification_ack_seconds"), "{{receiver}}")).noValue(none),
		timeseries("Notifications", "Notifications acknowledged, and messages retransmitted, per second.", "short",
			over(each("sum", perSecond("trapline_notifications_delivered_total")), "{{receiver}} acknowledged"),
			over(each("sum", perSecond("trapline_notifications_retransmits_total")), "{{receiver}} retransmitted")).noValue(none),
		timeseries("Given up and dropped", "Notifications that were given up or dropped, in five minutes.", "none",
			over(by("sum", "receiver, reason", "increase("+metric("dead_total")+"[5m])"), "{{receiver}} given up: {{reason}}"),
			over(by("sum", "receiver, reason", "increase("+metric("dropped_total")+"[5m])"), "{{receiver}} dropped: {{reason}}")).noValue(none),
		timeseries("Trimmed and incomplete", "Texts that were cut, and variables that could not be sent as a rule names them, in five minutes.", "none",
			over(each("sum", "increase("+metric("trimmed_total")+"[5m])"), "{{receiver}} trimmed"),
			over(each("sum", "increase("+metric("faults_total")+"[5m])"), "{{receiver}} incomplete")).noValue(none),
	}
}

func rulePanels() []Panel {
	return []Panel{
		timeseries("Alarms", "Alarms that are raised.", "none", over(orZero("sum(trapline_alarms_active"+process+")"), "raised")),
		timeseries("Transitions", "Alarms that rules raised, changed or cleared, per second.", "short", over("sum("+perSecond("trapline_rules_transitions_total")+")", "transitions")),
		timeseries("Rule latency", "Time from the end of a poll until the alerts of its rules are stored.", "s",
			over(quantile(0.5, "le", "trapline_rules_latency_seconds"), "median"), over(quantile(0.99, "le", "trapline_rules_latency_seconds"), "99th percentile")),
		timeseries("Evaluations", "Evaluations of rules, and those that failed, per second.", "short",
			over("sum("+perSecond("trapline_rules_evaluations_total")+")", "evaluations"), over("sum("+perSecond("trapline_rules_evaluation_failures_total")+")", "failed")),
	}
}

func pollPanels() []Panel {
	lost := func(metric string) string { return orZero("sum(" + perSecond(metric) + ")") }
	return []Panel{
		timeseries("Delay", "How long after their time polls begin.", "s",
			over(quantile(0.5, "le", "trapline_pass_delay_seconds"), "median"), over(quantile(0.99, "le", "trapline_pass_delay_seconds"), "99th percentile")),
		timeseries("Late and missed polls", "Polls that began late, or were left out because the one before was running, per second.", "short",
			over(lost("trapline_target_late_passes_total"), "late"), over(lost("trapline_target_missed_passes_total"), "missed")),
		timeseries("Requests", "SNMP requests sent, and those among them that were retransmissions.", "pps",
			over("sum("+perSecond("snmp_packets_total")+")", "sent"), over("sum("+perSecond("snmp_packet_retries_total")+")", "retransmitted")),
		timeseries("Answer time of devices", "Time from a request to its answer, over all devices.", "s",
			over(quantile(0.5, "le", "snmp_packet_duration_seconds"), "median"), over(quantile(0.99, "le", "snmp_packet_duration_seconds"), "99th percentile")),
	}
}

func memoryPanels() []Panel {
	own := func(metric string) string { return metric + process + " and on (instance) trapline_targets" }
	return []Panel{
		timeseries("Memory", "Resident memory, the heap in use, and answers that polls hold.", "bytes",
			over(own("process_resident_memory_bytes"), "{{instance}} resident"), over(own("go_memstats_heap_inuse_bytes"), "{{instance}} heap"),
			over("trapline_engine_held_bytes"+process, "{{instance}} answers")),
		timeseries("Processor", "Processor cores in use.", "short", over("rate(process_cpu_seconds_total"+process+"[$__rate_interval]) and on (instance) trapline_targets", "{{instance}}")),
		timeseries("HTTP", "Open connections, and requests in flight.", "none",
			over("sum(trapline_http_connections"+process+")", "connections"), over("sum(trapline_http_requests_in_flight"+process+")", "in flight")),
		timeseries("Refused", "HTTP requests that were refused, by the reason, per second.", "reqps",
			over(orNone(by("sum", "reason", perSecond("trapline_http_refused_total")), "reason"), "{{reason}}")),
	}
}
