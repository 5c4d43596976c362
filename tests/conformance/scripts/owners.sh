touch f; chown 1000:100 f; stat -c '%u %g' f; chmod 4755 f; stat -c %A f; chown 0:0 f; stat -c %A f
mkdir -m 700 secret; echo s > secret/s; chown 65534:65534 f; chmod 600 f; echo mine > f
su -s /bin/sh nobody -c 'id -u; cat f; echo more >> f; cat secret/s; touch new; echo $?; rm f; echo $?' 
mkdir -m 1777 shared; touch shared/root; su -s /bin/sh nobody -c 'rm -f shared/root; echo $?; touch shared/own; rm shared/own; echo $?'
su -s /bin/sh nobody -c 'kill -0 1; echo $?; chown 0 shared/x; chmod 777 shared; echo $?; mknod d c 1 3; echo $?'
ln -s /etc/passwd l; chown -h 5:6 l; stat -c '%u %g' l; install -m 750 -o 1 -g 2 f g; stat -c '%a %u %g' g; mkdir -p -m 2775 sg; chgrp 100 sg; touch sg/i; stat -c %g sg/i
