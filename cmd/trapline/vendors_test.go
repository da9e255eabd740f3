package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"trapline/dashboards"
	"trapline/internal/peers"
)

// vendors are vendor-neutral series of devices, as auto makes them.
var vendors = map[string]string{
	"cisco": `
hw_temperature_celsius{hw_id="CISCO-ENVMON-MIB::ciscoEnvMonTemperatureStatusValue.1006",hw_name="SW#1, Sensor#1"} 36
hw_temperature_limit_celsius{hw_id="CISCO-ENVMON-MIB::ciscoEnvMonTemperatureStatusValue.1006",hw_name="SW#1, Sensor#1",hw_limit_type="high.critical"} 56
hw_status{hw_id="CISCO-ENVMON-MIB::ciscoEnvMonSupplyState.1",hw_name="Sw1, PS1",hw_type="power_supply"} 2
system_cpu_utilization_ratio{hw_id="CISCO-PROCESS-MIB::cpmCPUTotal5minRev.1",hw_name="CPU 1"} 0.1
system_memory_utilization_ratio{hw_id="CISCO-MEMORY-POOL-MIB::ciscoMemoryPoolUsed.1",hw_name="system"} 0.4
system_memory_usage_bytes{hw_id="CISCO-MEMORY-POOL-MIB::ciscoMemoryPoolUsed.1",hw_name="system",state="used"} 4e8
system_filesystem_utilization_ratio{hw_id="CISCO-FLASH-MIB::ciscoFlashPartitionSize.1.1",hw_name="flash"} 0.7
system_filesystem_limit_bytes{hw_id="CISCO-FLASH-MIB::ciscoFlashPartitionSize.1.1",hw_name="flash"} 2e9
system_filesystem_usage_bytes{hw_id="CISCO-FLASH-MIB::ciscoFlashPartitionSize.1.1",hw_name="flash",state="used"} 1.4e9
hw_info{hw_id="ENTITY-MIB::entPhysicalName.1",hw_name="Switch 1",hw_type="chassis",model="C9300-48P",serial="FOC00000000",revision="V01"} 1`,
	"juniper": `
hw_temperature_celsius{hw_id="JUNIPER-MIB::jnxOperatingTemp.9.1.0.0",hw_name="Routing Engine 0"} 41
hw_status{hw_id="JUNIPER-MIB::jnxOperatingState.7.1.0.0",hw_name="FPC 0",hw_type="module"} 0
hw_optical_power_dbm{hw_id="JUNIPER-DOM-MIB::jnxDomCurrentRxLaserPower.516",hw_name="xe-0/0/0",direction="receive",ifIndex="516",ifName="xe-0/0/0"} -6.5
hw_optical_power_dbm{hw_id="JUNIPER-DOM-MIB::jnxDomCurrentTxLaserOutputPower.516",hw_name="xe-0/0/0",direction="transmit",ifIndex="516",ifName="xe-0/0/0"} -2.1
hw_current_amperes{hw_id="JUNIPER-DOM-MIB::jnxDomCurrentTxLaserBiasCurrent.516",hw_name="xe-0/0/0",ifIndex="516",ifName="xe-0/0/0"} 0.02
system_cpu_utilization_ratio{hw_id="JUNIPER-MIB::jnxOperatingCPU.9.1.0.0",hw_name="Routing Engine 0"} 0.2
system_memory_utilization_ratio{hw_id="JUNIPER-MIB::jnxOperatingBuffer.9.1.0.0",hw_name="Routing Engine 0"} 0.3`,
	"arista": `
hw_temperature_celsius{hw_id="ENTITY-SENSOR-MIB::entPhySensorValue.100006001",hw_name="Cpu temp sensor"} 50
hw_fan_speed_rpm{hw_id="ENTITY-SENSOR-MIB::entPhySensorValue.100721111",hw_name="Fan 1"} 8000
hw_voltage_volts{hw_id="ENTITY-SENSOR-MIB::entPhySensorValue.100711001",hw_name="PSU 1 output"} 12.1
hw_optical_power_dbm{hw_id="ENTITY-SENSOR-MIB::entPhySensorValue.100601201",hw_name="DOM RX Power Sensor for Ethernet1"} -3`,
	"fortinet": `
system_cpu_utilization_ratio{hw_id="FORTINET-FORTIGATE-MIB::fgSysCpuUsage.0",hw_name="CPU"} 0.3
system_memory_utilization_ratio{hw_id="FORTINET-FORTIGATE-MIB::fgSysMemUsage.0",hw_name="system"} 0.6
hw_fan_speed_ratio{hw_id="FORTINET-FORTIGATE-MIB::fgHwSensorEntValue.9",hw_name="FAN2"} 0.4
network_sessions{hw_id="FORTINET-FORTIGATE-MIB::fgSysSesCount.0",hw_name="Sessions"} 1200
vpn_tunnels{hw_id="FORTINET-FORTIGATE-MIB::fgVpnTunnelUpCount.0",hw_name="Tunnels",state="up"} 4
device_ha_role{hw_id="FORTINET-FORTIGATE-MIB::fgHaSystemMode.0",hw_name="HA"} 1
license_usage{hw_id="FORTINET-FORTIGATE-MIB::fgVdNumber.0",hw_name="VDOMs"} 2`,
	"dell": `
hw_temperature_celsius{hw_id="IDRAC-MIB-SMIv2::temperatureProbeReading.1.1",hw_name="CPU1 Temp"} 90
hw_temperature_limit_celsius{hw_id="IDRAC-MIB-SMIv2::temperatureProbeReading.1.1",hw_name="CPU1 Temp",hw_limit_type="high.degraded"} 88
hw_temperature_limit_celsius{hw_id="IDRAC-MIB-SMIv2::temperatureProbeReading.1.1",hw_name="CPU1 Temp",hw_limit_type="high.critical"} 93
hw_status{hw_id="IDRAC-MIB-SMIv2::virtualDiskState.1",hw_name="Virtual Disk 0",hw_type="logical_disk"} 1
hw_power_watts{hw_id="IDRAC-MIB-SMIv2::powerUsageWatts.1.1",hw_name="System"} 220
hw_fan_speed_rpm{hw_id="IDRAC-MIB-SMIv2::coolingDeviceReading.1.1",hw_name="Fan1"} 7000`,
	"apc": `
hw_battery_charge_ratio{hw_id="PowerNet-MIB::upsHighPrecBatteryCapacity.0",hw_name="Battery"} 0.9
hw_battery_time_left_seconds{hw_id="PowerNet-MIB::upsAdvBatteryRunTimeRemaining.0",hw_name="Battery"} 2400
hw_power_supply_utilization_ratio{hw_id="PowerNet-MIB::upsHighPrecOutputLoad.0",hw_name="Output"} 0.4
hw_humidity_ratio{hw_id="PowerNet-MIB::iemStatusProbeCurrentHumid.1",hw_name="Rack 1"} 0.45
hw_temperature_celsius{hw_id="PowerNet-MIB::upsHighPrecBatteryTemperature.0",hw_name="Battery",hw_type="battery"} 25`,
	"synology": `
hw_temperature_celsius{hw_id="SYNOLOGY-DISK-MIB::diskTemperature.0",hw_name="Disk 1",hw_type="physical_disk"} 38
hw_status{hw_id="SYNOLOGY-DISK-MIB::diskStatus.0",hw_name="Disk 1",hw_type="physical_disk"} 0
system_filesystem_utilization_ratio{hw_id="HOST-RESOURCES-MIB::hrStorageUsed.51",hw_name="/volume1",mountpoint="/volume1"} 0.93`,
	"mikrotik": `
hw_temperature_celsius{hw_id="MIKROTIK-MIB::mtxrHlTemperature.0",hw_name="Board"} 44
wireless_clients{hw_id="MIKROTIK-MIB::mtxrWlApClientCount.3",hw_name="wlan1",ssid="office"} 12
radio_frequency_hertz{hw_id="MIKROTIK-MIB::mtxrWlApFreq.3",hw_name="wlan1"} 5.18e9
radio_bits_per_second{hw_id="MIKROTIK-MIB::mtxrWlApTxRate.3",hw_name="wlan1"} 3e8`,
	"ubiquiti": `
radio_signal_dbm{hw_id="UBNT-AirMAX-MIB::ubntWlStatSignal.1",hw_name="wlan0"} -61
radio_signal_noise_ratio_db{hw_id="UBNT-AirMAX-MIB::ubntAirMaxQuality.1",hw_name="wlan0"} 30
radio_channel_utilization_ratio{hw_id="UBNT-UniFi-MIB::unifiRadioCuTotal.1",hw_name="wifi0",radio="ng"} 0.4
wireless_clients{hw_id="UBNT-UniFi-MIB::unifiVapNumStations.1",hw_name="wifi0",radio="ng"} 5`,
	"hp": `
printer_supply_ratio{hw_id="Printer-MIB::prtMarkerSuppliesLevel.1.1",hw_name="Black Cartridge",color="black",type="toner"} 0.05
hw_status{hw_id="HOST-RESOURCES-MIB::hrDeviceStatus.1",hw_name="LaserJet",hw_type="printer"} 0`,
	"linux": `
system_cpu_utilization_ratio{hw_id="HOST-RESOURCES-MIB::hrProcessorLoad.1",hw_name="CPU 1"} 0.5
system_memory_utilization_ratio{hw_id="UCD-SNMP-MIB::memTotalReal.0",hw_name="system"} 0.5
system_memory_utilization_ratio{hw_id="HOST-RESOURCES-MIB::hrStorageUsed.1",hw_name="system"} 0.5
system_memory_usage_bytes{hw_id="UCD-SNMP-MIB::memTotalReal.0",hw_name="system",state="cached"} 1e9
system_filesystem_utilization_ratio{hw_id="HOST-RESOURCES-MIB::hrStorageUsed.31",hw_name="/",mountpoint="/"} 0.3`,
}

var (
	neutralName   = regexp.MustCompile(`\b((?:hw|system|network|vpn|device_ha|license|wireless|radio|printer)_[a-z_]+)\{`)
	neutralSeries = regexp.MustCompile(`(?m)^([a-z_]+)\{`)
)

// TestDashboardsOfTenVendors has a panel for each series of devices of many vendors, and no panel of such series that is
// empty although the device has them. No panel has a word of a vendor.
func TestDashboardsOfTenVendors(t *testing.T) {
	t.Parallel()
	peers.Require(t, "prometheus", "prometheus")
	exposed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, text := range vendors {
			fmt.Fprintf(w, "trapline_target_up{target=%q} 1\n%s\n", name, strings.ReplaceAll(strings.TrimSpace(text), "{hw_id", fmt.Sprintf("{target=%q,hw_id", name)))
		}
	}))
	defer exposed.Close()
	prometheus := peers.StartPrometheus(t, fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- {job_name: net, honor_labels: true, static_configs: [{targets: [%q]}]}\n", hostOf(exposed.URL)))
	has := func(text string) bool {
		samples, err := prometheus.Query(text)
		if err != nil {
			t.Fatal(err)
		}
		return len(samples) > 0
	}
	started := time.Now()
	prometheus.Process.Await(t, func() bool { return has("count(trapline_target_up) > 9") || time.Since(started) > time.Minute })
	shown := map[string]bool{}
	for vendor, text := range vendors {
		own := map[string]bool{}
		for _, m := range neutralSeries.FindAllStringSubmatch(text, -1) {
			own[m[1]] = true
		}
		for _, e := range neutralExpressions(t, dashboards.Device(), vendor) {
			name := neutralName.FindStringSubmatch(e.Text)[1]
			shown[name] = true
			if own[name] && !strings.Contains(name, "_limit_") && !has(e.Text) {
				t.Errorf("%s: the panel %s is empty: %s", vendor, e.Place, e.Text)
			}
		}
	}
	for _, e := range neutralExpressions(t, dashboards.Fleet(), "") {
		if !has(e.Text) {
			t.Errorf("the panel %s of all devices is empty: %s", e.Place, e.Text)
		}
	}
	for vendor, text := range vendors {
		for _, m := range neutralSeries.FindAllStringSubmatch(text, -1) {
			if !shown[m[1]] {
				t.Errorf("%s: no panel shows %s", vendor, m[1])
			}
		}
	}
}

// neutralExpressions returns the expressions of a dashboard about vendor-neutral series.
func neutralExpressions(t *testing.T, d dashboards.Dashboard, device string) (list []dashboards.Expression) {
	t.Helper()
	text, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	all, err := dashboards.Expressions(text, map[string]string{
		"job": ".*", "by": "target", "label": "job", "value": ".*", "device": device, "interface": ".*", "alias": ".*", "__rate_interval": "8s", "__interval": "2s", "__range": "30s",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if neutralName.MatchString(e.Text) {
			list = append(list, e)
		}
	}
	if len(list) < 8 {
		t.Fatalf("only %d expressions", len(list))
	}
	return list
}
