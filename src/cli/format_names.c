/*
 * What `inspect --format` may ask for without being told that there is no such thing: members that
 * docker's documents have, always or at times, of which ours lack some.
 */
#include <stddef.h>

#include "base/str.h"
#include "cli/format_priv.h"

/* Maps in docker's API: any key may be asked for. */
static const char *const maps[] = { "Annotations", "Data", "DriverOpts", "ExposedPorts", "Labels",
	"Networks", "Options", "PortBindings", "Ports", "Storage", "Sysctls", "Tmpfs", "Volumes" };

static const char *const members[] = { "Aliases", "Annotations", "AppArmorProfile", "Architecture",
	"Args", "ArgsEscaped", "AttachStderr", "AttachStdin", "AttachStdout", "Author",
	"AutoRemove", "Binds", "BlkioDeviceReadBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteBps",
	"BlkioDeviceWriteIOps", "BlkioWeight", "BlkioWeightDevice", "Bridge", "CapAdd", "CapDrop",
	"Cgroup", "CgroupParent", "CgroupnsMode", "Cmd", "Comment", "Config", "ConsoleSize",
	"Container", "ContainerConfig", "ContainerIDFile", "CpuCount", "CpuPercent", "CpuPeriod",
	"CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpuShares", "CpusetCpus",
	"CpusetMems", "Created", "DNSNames", "Data", "Dead", "Descriptor", "Destination",
	"DeviceCgroupRules", "DeviceRequests", "Devices", "Digest", "Dns", "DnsOptions",
	"DnsSearch", "DockerVersion", "Domainname", "Driver", "DriverOpts", "EndpointID",
	"Entrypoint", "Env", "Error", "ExecIDs", "ExitCode", "ExposedPorts", "ExtraHosts",
	"FailingStreak", "FinishedAt", "Gateway", "GlobalIPv6Address", "GlobalIPv6PrefixLen",
	"GraphDriver", "GroupAdd", "HairpinMode", "Health", "Healthcheck", "HostConfig", "HostIp",
	"HostPort", "Hostname", "HostnamePath", "HostsPath", "IOMaximumBandwidth", "IOMaximumIOps",
	"IPAMConfig", "IPAddress", "IPPrefixLen", "IPv6Gateway", "Id", "Image",
	"ImageManifestDescriptor", "Init", "Interval", "IpcMode", "Isolation", "Labels",
	"LastTagTime", "Layers", "LinkLocalIPv6Address", "LinkLocalIPv6PrefixLen", "Links", "Log",
	"LogConfig", "LogPath", "MacAddress", "Manifests", "MaskedPaths", "MaximumRetryCount",
	"Memory", "MemoryReservation", "MemorySwap", "MemorySwappiness", "Metadata", "Mode",
	"MountLabel", "Mounts", "Name", "NanoCpus", "NetworkDisabled", "NetworkID", "NetworkMode",
	"NetworkSettings", "Networks", "OOMKilled", "OnBuild", "OomKillDisable", "OomScoreAdj",
	"OpenStdin", "Os", "OsVersion", "Parent", "Path", "Paused", "Pid", "PidMode", "PidsLimit",
	"Platform", "PortBindings", "Ports", "Privileged", "ProcessLabel", "Propagation",
	"PublishAllPorts", "RW", "ReadonlyPaths", "ReadonlyRootfs", "RepoDigests", "RepoTags",
	"ResolvConfPath", "RestartCount", "RestartPolicy", "Restarting", "Retries", "RootFS",
	"Running", "Runtime", "SandboxID", "SandboxKey", "SecondaryIPAddresses",
	"SecondaryIPv6Addresses", "SecurityOpt", "Shell", "ShmSize", "Size", "SizeRootFs", "SizeRw",
	"Source", "StartInterval", "StartPeriod", "StartedAt", "State", "Status", "StdinOnce",
	"StopSignal", "StopTimeout", "Sysctls", "Test", "Timeout", "Tmpfs", "Tty", "Type",
	"UTSMode", "Ulimits", "User", "UsernsMode", "Variant", "VirtualSize", "VolumeDriver",
	"Volumes", "VolumesFrom", "WorkingDir" };

static bool is_in(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

bool format_may_lack(const struct json *object, const char *name)
{
	const char *key = json_key(object);

	return (key && is_in(key, maps, sizeof(maps) / sizeof(maps[0]))) ||
	       is_in(name, members, sizeof(members) / sizeof(members[0]));
}

const struct json *format_public(struct format_state *s, const struct json *v)
{
	struct json *copy;

	if (!json_get(v, FORMAT_LABELS))
		return v;
	copy = json_dup(v);
	json_remove(copy, FORMAT_LABELS);
	return format_keep(s, copy);
}
