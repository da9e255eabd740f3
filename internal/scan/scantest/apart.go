package scantest

import (
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// apartVariable is set for the process of a test that runs apart.
const apartVariable = "TRAPLINE_TEST_APART"

// Apart runs a test in a network of its own, in which loopback has these IPv6 addresses: hosts have but one. In has is
// false for the process that has started the one that does.
func Apart(t *testing.T, addresses []netip.Addr) (in bool) {
	t.Helper()
	if os.Getenv(apartVariable) != "" {
		for _, a := range addresses {
			if err := addAddress(a); err != nil {
				t.Fatalf("%v: %v", a, err)
			}
		}
		return true
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), apartVariable+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("in a network of its own: %v\n%s", err, output)
	}
	return false
}

// addAddress adds an address to loopback, which it sets up.
func addAddress(a netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return err
	}
	request := struct { // struct in6_ifreq of linux/ipv6.h
		address [16]byte
		prefix  uint32
		index   int32
	}{a.As16(), 128, 1}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	return nil
}
