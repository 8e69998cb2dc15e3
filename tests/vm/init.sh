# The first process of the guest: mounts what containers take, runs the checks, powers off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
# Out of the root cgroup, which may not have processes and controllers.
mkdir /sys/fs/cgroup/init
echo $$ >/sys/fs/cgroup/init/cgroup.procs
echo '+memory +cpu +pids +io' >/sys/fs/cgroup/cgroup.subtree_control
python3 /mnt/checks.py 2>&1
sync
echo o >/proc/sysrq-trigger
sleep 60
